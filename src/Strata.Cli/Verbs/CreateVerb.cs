using System.CommandLine;
using Strata.Oci;
using Strata.Store;

namespace Strata.Cli.Verbs;

internal static class CreateVerb
{
    internal static Command Make()
    {
        var name = new Argument<string>("NAME") { Description = "The name of the new writable layer." };
        var from = new Option<string?>("--from") { Description = "The image or layer that it lies on. Without it, the layer begins empty.", HelpName = "IMAGE|LAYER" };
        var options = new Option<string[]>("--storage-opt") { Description = "A limit of the layer: size=10G, inodes=100000; backing=loop: by a file system in a file, where there are no project quotas.", HelpName = "KEY=VALUE" };
        var init = new Option<bool>("--init") { Description = "Put an init layer below it: the mount points and files that container runtimes expect, which show in no change and no diff." };
        var command = new Command("create", "Make a writable layer.") { name, from, options, init, IdMapOptions.Users, IdMapOptions.Groups, IdMapOptions.SubordinateName, PlatformChoice.Option };
        command.SetAction(parse =>
        {
            using var store = Session.Open(parse);
            var storage = new Dictionary<string, string>(StringComparer.OrdinalIgnoreCase);
            foreach (string option in parse.GetValue(options) ?? [])
            {
                int equals = option.IndexOf('=', StringComparison.Ordinal);
                if (equals <= 0 || !storage.TryAdd(option[..equals], option[(equals + 1)..]))
                    throw StrataException.InvalidArgument($"The storage option '{option}' is not of the form key=value, or is given twice.");
            }
            var (parent, image) = Parent(store, parse.GetValue(from), parse.GetValue(PlatformChoice.Option));
            var mapping = IdMapOptions.Of(parse);
            WritableRecord Create(IProgress<ProgressReport>? progress) => store.CreateWritable(
                parse.GetRequiredValue(name), parent, image, storage, parse.GetValue(init) ? InitLayer.Standard : null, mapping, progress, Session.Cancellation);
            var made = mapping is null ? Create(null) : ProgressBars.Run(Create);
            Console.Out.WriteLine(made.Name);
            return ExitCodes.Ok;
        });
        return command;
    }

    /// <summary>An image by its name or ID, else a layer by its ID; nothing: no parent.</summary>
    internal static (ChainId? Parent, Digest? Image) Parent(Store.Store store, string? text, string? platform = null)
    {
        if (text is null)
            return (null, null);
        if (ImageNames.Find(store, text, platform) is { } image)
            return (image.TopLayer, image.Manifest);
        if (ImageNames.FindLayer(store, text) is { } layer)
            return (layer.ChainId, null);
        throw StrataException.NotFound($"There is neither an image nor a layer '{text}' in the store. 'strata images' and 'strata layers' list them.");
    }
}
