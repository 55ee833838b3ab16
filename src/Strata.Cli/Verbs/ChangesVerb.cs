using System.CommandLine;
using System.Text;

namespace Strata.Cli.Verbs;

internal static class ChangesVerb
{
    internal static Command Make()
    {
        var name = new Argument<string>("NAME") { Description = "The writable layer." };
        var contents = new Option<bool>("--contents") { Description = "Also read files whose metadata is equal." };
        var json = Session.Json();
        var command = new Command("changes", "List what changed in a writable layer: A added, C changed, D deleted.") { name, contents, json };
        command.SetAction(parse =>
        {
            using var store = Session.OpenOperations(parse);
            var changes = store.Changes(parse.GetRequiredValue(name), parse.GetValue(contents), Session.Cancellation);
            if (parse.GetValue(json))
            {
                Output.JsonArray(changes, (w, change) =>
                {
                    w.WriteString("kind", change.Kind switch { ChangeKind.Add => "add", ChangeKind.Delete => "delete", _ => "modify" });
                    w.WriteString("path", change.Path.ToString());
                });
                return ExitCodes.Ok;
            }
            var text = new StringBuilder();
            foreach (var change in changes)
                text.Append(change.ToString()).Append('\n');
            Console.Out.Write(text);
            return ExitCodes.Ok;
        });
        return command;
    }
}
