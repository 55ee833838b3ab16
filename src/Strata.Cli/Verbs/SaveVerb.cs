using System.CommandLine;
using Strata.Api;
using Strata.Oci;

namespace Strata.Cli.Verbs;

internal static class SaveVerb
{
    internal static Command Make()
    {
        var images = new Argument<string[]>("IMAGE") { Description = "The images, by name or ID.", Arity = ArgumentArity.OneOrMore };
        var output = new Option<string?>("--output", "-o") { Description = "The file to write. Default: standard output.", HelpName = "FILE" };
        var format = new Option<string?>("--format") { Description = "oci: an OCI layout; docker-archive: what docker save of old wrote. Default: both at once in one tar.", HelpName = "FORMAT" };
        var compression = new Option<string>("--compression") { Description = "How layers are compressed: none, gzip or zstd.", HelpName = "KIND", DefaultValueFactory = _ => "none" };
        var level = new Option<int?>("--level") { Description = "1 to 9 for gzip, 1 to 22 for zstd. Default: the fast ones.", HelpName = "N" };
        var all = new Option<bool>("--all-platforms") { Description = "All platforms of images that came by an index, and the index." };
        var command = new Command("save", "Write images as one tar, each layer's tar byte for byte as it came, or compressed anew.") { images, output, format, compression, level, all, PlatformChoice.Option };
        command.SetAction(parse =>
        {
            var options = new SaveOptions
            {
                Format = parse.GetValue(format) switch
                {
                    null => SaveFormat.Both,
                    "oci" => SaveFormat.Oci,
                    "docker-archive" => SaveFormat.DockerArchive,
                    var other => throw StrataException.InvalidArgument($"There is no format '{other}'; there are oci and docker-archive."),
                },
                Compression = parse.GetValue(compression) switch
                {
                    "none" => SaveCompression.None,
                    "gzip" => SaveCompression.Gzip,
                    "zstd" => SaveCompression.Zstd,
                    var other => throw StrataException.InvalidArgument($"Layers can't be compressed by '{other}'; they can by gzip and zstd, or none."),
                },
                Level = parse.GetValue(level),
                AllPlatforms = parse.GetValue(all),
            };
            using var store = Session.OpenOperations(parse);
            string[] named = parse.GetRequiredValue(images);
            string? platform = parse.GetValue(PlatformChoice.Option);
            if (store is StoreOperations here)
                here.FindAll(named, platform); // what is missing is told before a file is made
            Session.WriteOutput(parse.GetValue(output), stream => ProgressBars.Run(progress =>
            {
                store.Save(named, platform, stream, options with { Progress = progress }, Session.Cancellation);
                return 0;
            }));
            return ExitCodes.Ok;
        });
        return command;
    }
}
