using System.CommandLine;
using Strata.Oci.Registries;

namespace Strata.Cli;

/// <summary>The options that say how registries are spoken to, the same on every verb that does.</summary>
internal sealed class RegistryArguments
{
    private readonly Option<bool> _plain = new("--plain-http") { Description = "Speak to the registry without TLS. This machine's own need no saying." };
    private readonly Option<bool> _verify = new("--tls-verify") { Description = "false: don't verify certificates. Dangerous.", DefaultValueFactory = _ => true, HelpName = "true|false" };
    private readonly Option<string?> _ca = new("--ca") { Description = "Certificates to trust besides the system's.", HelpName = "FILE" };
    private readonly Option<string?> _credentials = new("--creds") { Description = "Who you are. Others on this machine can see it: 'strata login' is better.", HelpName = "USER:PASSWORD" };
    private readonly Option<string?> _authFile = new("--authfile") { Description = "The credential file. Default: $REGISTRY_AUTH_FILE, else Podman's auth.json, then Docker's config.json.", HelpName = "FILE" };
    private readonly Option<string?> _config = new("--registries") { Description = "Mirrors and trust. Default: $STRATA_REGISTRIES, else /etc/strata/registries.json and ~/.config/strata/registries.json.", HelpName = "FILE" };

    internal void AddTo(Command command, bool withCredentials = true)
    {
        command.Options.Add(_plain);
        command.Options.Add(_verify);
        command.Options.Add(_ca);
        if (withCredentials)
            command.Options.Add(_credentials);
        command.Options.Add(_authFile);
        command.Options.Add(_config);
    }

    internal RegistryOptions Read(ParseResult parse) => new()
    {
        PlainHttp = parse.GetValue(_plain),
        VerifyTls = parse.GetValue(_verify),
        CaFile = parse.GetValue(_ca),
        Credential = parse.GetValue(_credentials) is { } given ? RegistryCredential.Parse(given) : null,
        AuthFile = parse.GetValue(_authFile),
        ConfigFile = parse.GetValue(_config),
    };
}
