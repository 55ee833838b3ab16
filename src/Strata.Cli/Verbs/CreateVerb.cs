using System.CommandLine;
using Strata.Api;

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
            using var store = Session.OpenOperations(parse);
            var storage = new Dictionary<string, string>(StringComparer.OrdinalIgnoreCase);
            foreach (string option in parse.GetValue(options) ?? [])
            {
                int equals = option.IndexOf('=', StringComparison.Ordinal);
                if (equals <= 0 || !storage.TryAdd(option[..equals], option[(equals + 1)..]))
                    throw StrataException.InvalidArgument($"The storage option '{option}' is not of the form key=value, or is given twice.");
            }
            var request = new CreateRequest
            {
                Name = parse.GetRequiredValue(name),
                From = parse.GetValue(from),
                Platform = parse.GetValue(PlatformChoice.Option),
                StorageOptions = storage,
                Init = parse.GetValue(init),
                IdMapping = IdMapOptions.Of(parse),
            };
            string Create(IProgress<ProgressReport>? progress) => store.Create(request, progress, Session.Cancellation);
            Console.Out.WriteLine(request.IdMapping is null ? Create(null) : ProgressBars.Run(Create));
            return ExitCodes.Ok;
        });
        return command;
    }
}
