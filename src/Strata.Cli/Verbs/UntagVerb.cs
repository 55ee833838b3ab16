using System.CommandLine;

namespace Strata.Cli.Verbs;

internal static class UntagVerb
{
    internal static Command Make()
    {
        var names = new Argument<string[]>("NAME") { Description = "The names.", Arity = ArgumentArity.OneOrMore };
        var command = new Command("untag", "Take names from images. The images stay, also without a name.") { names };
        command.SetAction(parse =>
        {
            using var store = Session.OpenOperations(parse);
            int code = ExitCodes.Ok;
            foreach (string text in parse.GetRequiredValue(names))
            {
                if (store.Untag(text) is { } gone)
                {
                    Console.Out.WriteLine($"Untagged {gone.Name}  {gone.Config}");
                    continue;
                }
                Output.Error($"No image has the name '{text}'. 'strata images' lists them."); // the others still go
                code = ExitCode.Of(ErrorKind.NotFound);
            }
            return code;
        });
        return command;
    }
}
