using System.CommandLine;
using System.Globalization;
using Strata.Oci;
using Strata.Store;

namespace Strata.Cli.Verbs;

internal static class SquashVerb
{
    internal static Command Make()
    {
        var image = new Argument<string>("IMAGE") { Description = "The image, by name or ID; it stays as it is." };
        var tag = new Option<string>("--tag", "-t") { Description = "The new image's name.", HelpName = "NEW", Required = true };
        var from = new Option<string?>("--from")
        {
            Description = "What stays below: a layer by ID, an image whose layers all stay, or a number: so many layers become one. Default: all become one.",
            HelpName = "LAYER|IMAGE|N",
        };
        var command = new Command("squash", "Make an image whose layers, or the upper ones of them, are one layer with the same root file system.") { image, tag, from, PlatformChoice.Option };
        command.SetAction(parse =>
        {
            using var store = Session.Open(parse);
            var found = PlatformChoice.Get(store, parse.GetRequiredValue(image), parse);
            int keep = parse.GetValue(from) is { } text ? Keep(store, found, text) : 0;
            var made = ProgressBars.Run(progress => ImageSquasher.Squash(store, found, parse.GetRequiredValue(tag), keep, progress, Session.Cancellation));
            Console.Out.WriteLine($"Squashed {ImageNames.Normalize(parse.GetRequiredValue(tag))}  {made.Config}");
            return ExitCodes.Ok;
        });
        return command;
    }

    private static int Keep(Store.Store store, ImageRecord image, string text)
    {
        var layers = image.TopLayer is { } top ? store.GetChain(top) : [];
        // Short numbers are counts; the beginning of an ID has four digits at least.
        if (text.Length < 4 && int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int count))
            return count >= 1 && count <= layers.Count ? layers.Count - count : throw StrataException.InvalidArgument($"The image has {layers.Count} layers; {count} of them can't become one.");
        ChainId? below = ImageNames.Find(store, text) is { } basis ? basis.TopLayer : ImageNames.FindLayer(store, text)?.ChainId
            ?? throw StrataException.NotFound($"There is neither an image nor a layer '{text}' in the store. 'strata images' and 'strata history' list them.");
        for (int i = 0; i < layers.Count; i++)
        {
            if (layers[i].ChainId == below)
                return layers.Count - i;
        }
        return below is null ? 0 : throw StrataException.InvalidArgument($"'{text}' is no layer of the image, or an image that does not lie below it.");
    }
}
