using System.CommandLine;
using Strata.Oci;

namespace Strata.Cli.Verbs;

/// <summary>What commit and import share: the options that say what a new image is to say.</summary>
internal sealed class ConfigOptions
{
    private readonly List<(Option<string[]> Option, ConfigInstruction Instruction, bool IsLiteral)> _options =
    [
        (Many("--env", "A variable of the environment; may be given more than once.", "NAME=VALUE"), ConfigInstruction.Env, true),
        (Many("--label", "A label; may be given more than once.", "NAME=VALUE"), ConfigInstruction.Label, true),
        // Before the command: an entry point takes away the command that was there.
        (Many("--entrypoint", "The program that is run: a JSON array, or a command for the shell.", "COMMAND"), ConfigInstruction.Entrypoint, true),
        (Many("--cmd", "The command that is run, or the entry point's arguments: a JSON array, or a command for the shell.", "COMMAND"), ConfigInstruction.Cmd, true),
        (Many("--user", "The user, by name or number, and perhaps a group.", "USER[:GROUP]"), ConfigInstruction.User, true),
        (Many("--workdir", "The working directory.", "DIR"), ConfigInstruction.Workdir, true),
        (Many("--expose", "A port that is listened on; may be given more than once.", "PORT[/PROTOCOL]"), ConfigInstruction.Expose, true),
        (Many("--volume", "A directory for data; may be given more than once.", "DIR"), ConfigInstruction.Volume, true),
        (Many("--stop-signal", "The signal that ends it.", "SIGNAL"), ConfigInstruction.StopSignal, true),
    ];

    private readonly Option<string[]> _change = Many("--change", "A change as in a Dockerfile, after those of the other options: 'ENV A=b', 'CMD [\"sh\"]'; may be given more than once.", "INSTRUCTION");
    private readonly Option<string?> _author = new("--author", "-a") { Description = "Who made it.", HelpName = "TEXT" };
    private readonly Option<string?> _message = new("--message", "-m") { Description = "A comment for its history.", HelpName = "TEXT" };

    internal void AddTo(Command command)
    {
        foreach (var (option, _, _) in _options)
            command.Options.Add(option);
        command.Options.Add(_change);
        command.Options.Add(_author);
        command.Options.Add(_message);
    }

    internal ImageChanges Read(ParseResult parse)
    {
        var changes = new List<ConfigChange>();
        foreach (var (option, instruction, literal) in _options)
            changes.AddRange((parse.GetValue(option) ?? []).Select(text => new ConfigChange(instruction, text, literal)));
        changes.AddRange((parse.GetValue(_change) ?? []).Select(ConfigChange.Parse));
        return new ImageChanges { Config = changes, Author = parse.GetValue(_author), Message = parse.GetValue(_message) };
    }

    private static Option<string[]> Many(string name, string description, string help) => new(name) { Description = description, HelpName = help };
}
