using System.CommandLine;
using Strata.Oci;

namespace Strata.Cli.Verbs;

internal static class ExportVerb
{
    internal static Command Make()
    {
        var name = new Argument<string>("NAME") { Description = "A writable layer, or an image." };
        var output = new Option<string?>("--output", "-o") { Description = "The file to write. Default: standard output.", HelpName = "FILE" };
        var erofs = new Option<bool>("--erofs") { Description = "Write an EROFS image instead, to be mounted as it is, by a virtual machine for instance; needs -o." };
        var command = new Command("export", "Write the whole root file system as one tar, or as one EROFS image.") { name, output, erofs };
        command.SetAction(parse =>
        {
            using var store = Session.Open(parse);
            string text = parse.GetRequiredValue(name);
            ChainId? top = store.FindWritable(text) is not null
                ? null
                : ImageNames.Get(store, text).TopLayer ?? throw StrataException.FailedPrecondition($"The image '{text}' has no layers.");
            if (!parse.GetValue(erofs))
            {
                Session.WriteOutput(parse.GetValue(output), stream =>
                {
                    if (top is { } layer)
                        store.Export(layer, stream, Session.Cancellation);
                    else
                        store.Export(text, stream, Session.Cancellation);
                });
                return ExitCodes.Ok;
            }
            var leftOut = new LeftOut();
            Session.WriteImage(parse.GetValue(output), stream => ProgressBars.Run(progress =>
            {
                if (top is { } layer)
                    store.ExportErofs(layer, stream, leftOut.Add, progress, Session.Cancellation);
                else
                    store.ExportErofs(text, stream, leftOut.Add, progress, Session.Cancellation);
                return 0;
            }));
            leftOut.Tell();
            return ExitCodes.Ok;
        });
        return command;
    }

    /// <summary>Extended attributes that the image can't hold: the first is named, the others are counted.</summary>
    private sealed class LeftOut
    {
        private int _count;
        private string _first = "";

        internal void Add(EntryPath path, Xattr xattr)
        {
            if (_count++ == 0)
                _first = $"'{EntryPath.Display(xattr.Name)}' of {path}";
        }

        internal void Tell()
        {
            if (_count > 0)
                Output.Error($"EROFS has no form for {_count} extended attributes, which were left out; the first is {_first}.");
        }
    }
}
