using System.CommandLine;
using Strata.Oci.Registries;

namespace Strata.Cli.Verbs;

internal static class LogoutVerb
{
    internal static Command Make()
    {
        var host = new Argument<string>("REGISTRY") { Description = "HOST[:PORT]" };
        var authFile = new Option<string?>("--authfile") { Description = "The credential file. Default: as for login.", HelpName = "FILE" };
        var command = new Command("logout", "Forget the credential for a registry.") { host, authFile };
        command.SetAction(async (parse, _) =>
        {
            string registryHost = RegistryReference.ParseHost(parse.GetRequiredValue(host));
            await new RegistryLogin(new RegistryOptions { AuthFile = parse.GetValue(authFile) }).LogoutAsync(registryHost, Session.Cancellation);
            Console.Out.WriteLine($"Logged out of {registryHost}.");
            return ExitCodes.Ok;
        });
        return command;
    }
}
