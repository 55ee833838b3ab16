using System.CommandLine;
using Strata.Oci;
using Strata.Oci.Registries;

namespace Strata.Cli.Verbs;

internal static class PushVerb
{
    internal static Command Make()
    {
        var image = new Argument<string>("IMAGE") { Description = "The image, by name or ID." };
        var destination = new Argument<string?>("DESTINATION") { Description = "HOST[:PORT]/REPOSITORY[:TAG]. Default: the image's name.", DefaultValueFactory = _ => null, Arity = ArgumentArity.ZeroOrOne };
        var compression = new Option<string>("--compression") { Description = "How layers are compressed that the registry does not have.", DefaultValueFactory = _ => "gzip", HelpName = "gzip|zstd|none" };
        compression.AcceptOnlyFromAmong("gzip", "zstd", "none");
        var level = new Option<int?>("--level") { Description = "How hard: 1 to 9 for gzip, 1 to 22 for zstd. Default: fast.", HelpName = "NUMBER" };
        var all = new Option<bool>("--all-platforms") { Description = "All platforms of an image that came by an index, and the index." };
        var json = Session.Json();
        var registry = new RegistryArguments();
        var command = new Command("push", "Send an image to a registry; layers that it has are not sent again.") { image, destination, compression, level, all, json };
        registry.AddTo(command);
        command.SetAction(async (parse, _) =>
        {
            using var store = Session.Open(parse);
            string typed = parse.GetRequiredValue(image);
            var found = ImageNames.Get(store, typed);
            string to = parse.GetValue(destination) ?? ImageNames.FindByName(store, typed)?.Name
                ?? (found.Names is [var only] ? only : throw StrataException.InvalidArgument($"The image {typed} has {found.Names.Count} names: say where to push it."));
            var pusher = new ImagePusher(store, registry.Read(parse));
            var result = await ProgressBars.RunAsync(progress =>
            {
                var options = new PushOptions
                {
                    Compression = parse.GetValue(compression) switch { "zstd" => PushCompression.Zstd, "none" => PushCompression.None, _ => PushCompression.Gzip },
                    Level = parse.GetValue(level),
                    Progress = progress,
                };
                return parse.GetValue(all) ? pusher.PushAllPlatformsAsync(found, to, options, Session.Cancellation) : pusher.PushAsync(found, to, options, Session.Cancellation);
            });
            if (parse.GetValue(json))
            {
                Output.JsonArray([result], (writer, r) =>
                {
                    writer.WriteString("name", r.Reference.Name);
                    writer.WriteString("manifest", r.Manifest.ToString());
                    writer.WriteString("config", found.Config.ToString());
                    writer.WriteBoolean("keptManifest", r.KeptManifest);
                    writer.WriteNumber("present", r.Present);
                    writer.WriteNumber("mounted", r.Mounted);
                    writer.WriteNumber("sent", r.Sent);
                    writer.WriteNumber("sentBytes", r.SentBytes);
                });
                return ExitCodes.Ok;
            }
            Console.Out.WriteLine($"Pushed {result.Reference.Name}  {result.Manifest}");
            Console.Out.WriteLine($"{result.Present} layers were there, {result.Mounted} were mounted, {result.Sent} sent ({Output.Size(result.SentBytes)}).");
            if (!result.KeptManifest)
                Console.Out.WriteLine($"Layers were compressed anew, so its manifest is a new one; the image's ID is the same, {found.Config}.");
            return ExitCodes.Ok;
        });
        return command;
    }
}
