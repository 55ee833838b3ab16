using System.CommandLine;
using System.Globalization;
using Strata.Oci;
using Strata.Store;

namespace Strata.Cli.Verbs;

internal static class ImportVerb
{
    internal static Command Make()
    {
        var path = new Argument<string>("PATH") { Description = "A folder, or a tar of a root file system, plain or compressed; - for standard input.", DefaultValueFactory = _ => "-" };
        var tag = new Option<string>("--tag", "-t") { Description = "The new image's name.", HelpName = "NAME", Required = true };
        var platform = new Option<string?>("--platform") { Description = "For which platform it is. Default: this machine's.", HelpName = "OS/ARCH[/VARIANT]" };
        var owner = new Option<string?>("--owner") { Description = "Whom all files of a folder belong to. Default: their owners.", HelpName = "UID:GID" };
        var config = new ConfigOptions();
        var command = new Command("import", "Make an image with one layer of a folder, or of a tar of a root file system. Images come by 'load'.") { path, tag, platform, owner };
        config.AddTo(command);
        command.SetAction(parse =>
        {
            var options = new ImportOptions { Changes = config.Read(parse), Platform = parse.GetValue(platform), Owner = Owner(parse.GetValue(owner)) };
            string from = parse.GetRequiredValue(path), name = parse.GetRequiredValue(tag);
            if (from == "-" && !Console.IsInputRedirected)
                throw StrataException.InvalidArgument("There is no tar on standard input, which is a terminal: give a file or a folder, or redirect one (< FILE).");
            if (from != "-" && !File.Exists(from) && !Directory.Exists(from))
                throw StrataException.NotFound($"There is no file or folder '{from}'.");
            using var store = Session.Open(parse);
            var image = ProgressBars.Run(progress => Import(store, from, name, options, progress));
            Console.Out.WriteLine($"Imported {ImageNames.Normalize(name)}  {image.Config}");
            return ExitCodes.Ok;
        });
        return command;
    }

    private static ImageRecord Import(Store.Store store, string from, string name, ImportOptions options, IProgress<ProgressReport>? progress)
    {
        if (Directory.Exists(from))
            return RootImporter.ImportFolder(store, from, name, options, progress, Session.Cancellation);
        using var tar = from == "-" ? Console.OpenStandardInput() : new FileStream(from, FileMode.Open, FileAccess.Read, FileShare.Read, 0);
        return RootImporter.ImportTar(store, tar, from == "-" ? "standard input" : Path.GetFileName(from), name, options, progress, Session.Cancellation);
    }

    private static (uint, uint)? Owner(string? text)
    {
        if (text is null)
            return null;
        string[] parts = text.Split(':');
        return parts.Length <= 2 && uint.TryParse(parts[0], NumberStyles.None, CultureInfo.InvariantCulture, out uint uid)
            && uint.TryParse(parts[^1], NumberStyles.None, CultureInfo.InvariantCulture, out uint gid) && uid < uint.MaxValue && gid < uint.MaxValue
            ? (uid, gid)
            : throw StrataException.InvalidArgument($"'{text}' is no owner: expected UID:GID, two numbers.");
    }
}
