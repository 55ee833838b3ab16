using System.CommandLine;
using Strata.Daemon.Operations;
using Strata.Daemon.Serving;

namespace Strata.Daemon.Verbs;

internal static class ConfigVerb
{
    internal static Command Make()
    {
        var config = new Option<string>("--config") { Description = $"The configuration file. Default: {ServeOptions.DefaultConfig}.", HelpName = "FILE", DefaultValueFactory = _ => ServeOptions.DefaultConfig };
        var check = new Command("check", "Tell what is wrong in a configuration file, by line and key. Changes nothing, opens nothing.") { config };
        check.SetAction(parse =>
        {
            string path = parse.GetValue(config)!;
            var options = ConfigFile.Read(path);
            options.RequireDoor();
            Console.Out.WriteLine($"{path}: in order. Store: {options.Root}");
            return 0;
        });
        return new Command("config", "The configuration file.") { check };
    }
}
