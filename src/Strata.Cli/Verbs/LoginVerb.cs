using System.CommandLine;
using System.Text;
using Strata.Oci.Registries;

namespace Strata.Cli.Verbs;

internal static class LoginVerb
{
    internal static Command Make()
    {
        var host = new Argument<string>("REGISTRY") { Description = "HOST[:PORT]" };
        var user = new Option<string?>("--username", "-u") { Description = "The user. Asked for at a terminal.", HelpName = "USER" };
        var fromInput = new Option<bool>("--password-stdin") { Description = "Take the password from standard input. It is read from there in any case; at a terminal it is asked for, and not shown." };
        var registry = new RegistryArguments();
        var command = new Command("login", "Log in to a registry; the credential is kept where Podman keeps its own, readable by you alone.") { host, user, fromInput };
        registry.AddTo(command, withCredentials: false);
        command.SetAction(async (parse, _) =>
        {
            string registryHost = RegistryReference.ParseHost(parse.GetRequiredValue(host));
            bool asks = !Console.IsInputRedirected && !parse.GetValue(fromInput);
            string name = parse.GetValue(user) ?? (asks ? Ask("Username: ") : throw StrataException.InvalidArgument("Say who you are: --username USER."));
            string password = asks ? AskSecretly("Password: ") : (await Console.In.ReadToEndAsync(Session.Cancellation)).TrimEnd('\r', '\n');
            if (name.Length == 0 || password.Length == 0)
                throw StrataException.InvalidArgument("The user or the password is empty.");
            var login = new RegistryLogin(registry.Read(parse));
            await login.LoginAsync(registryHost, new RegistryCredential(name, password), Session.Cancellation);
            Console.Out.WriteLine($"Logged in to {registryHost} as {name}.");
            return ExitCodes.Ok;
        });
        return command;
    }

    private static string Ask(string prompt)
    {
        Console.Error.Write(prompt);
        return Console.ReadLine()?.Trim() ?? "";
    }

    private static string AskSecretly(string prompt)
    {
        Console.Error.Write(prompt);
        var text = new StringBuilder();
        for (var key = Console.ReadKey(intercept: true); key.Key != ConsoleKey.Enter; key = Console.ReadKey(intercept: true))
        {
            Session.Cancellation.ThrowIfCancellationRequested();
            if (key.Key == ConsoleKey.Backspace)
                text.Length = Math.Max(0, text.Length - 1);
            else if (key.KeyChar != '\0')
                text.Append(key.KeyChar);
        }
        Console.Error.WriteLine();
        return text.ToString();
    }
}
