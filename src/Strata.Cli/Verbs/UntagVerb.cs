using System.CommandLine;
using Strata.Oci;

namespace Strata.Cli.Verbs;

internal static class UntagVerb
{
    internal static Command Make()
    {
        var names = new Argument<string[]>("NAME") { Description = "The names.", Arity = ArgumentArity.OneOrMore };
        var command = new Command("untag", "Take names from images. The images stay, also without a name.") { names };
        command.SetAction(parse =>
        {
            using var store = Session.Open(parse);
            int code = ExitCodes.Ok;
            foreach (string text in parse.GetRequiredValue(names))
            {
                if (ImageNames.FindByName(store, text, shared: false) is { } named && store.RemoveName(named.Name))
                {
                    Console.Out.WriteLine($"Untagged {named.Name}  {named.Image.Config}");
                    continue;
                }
                Console.Error.WriteLine($"strata: No image has the name '{text}'. 'strata images' lists them."); // the others still go
                code = ExitCode.Of(ErrorKind.NotFound);
            }
            return code;
        });
        return command;
    }
}
