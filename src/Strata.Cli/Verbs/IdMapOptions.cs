using System.CommandLine;
using Strata.Drivers.Rootless;

namespace Strata.Cli.Verbs;

/// <summary>How the owners of a writable layer are mapped: options as Podman has them.</summary>
internal static class IdMapOptions
{
    internal static readonly Option<string[]> Users = new("--uid-map")
    {
        Description = "Show the layer's users with other IDs, for a container in a user namespace; may be given more than once. Without --gid-map, groups too.",
        HelpName = "CONTAINER:HOST:SIZE",
    };

    internal static readonly Option<string[]> Groups = new("--gid-map") { Description = "The same for groups.", HelpName = "CONTAINER:HOST:SIZE" };

    internal static readonly Option<string?> SubordinateName = new("--subuid-name")
    {
        Description = "The same with all IDs that a name has in /etc/subuid and /etc/subgid, from 0 on.",
        HelpName = "NAME",
    };

    internal static IdMapping? Of(ParseResult parse)
    {
        string[] users = parse.GetValue(Users) ?? [], groups = parse.GetValue(Groups) ?? [];
        if (parse.GetValue(SubordinateName) is { Length: > 0 } name)
        {
            return users.Length + groups.Length == 0
                ? SubordinateIds.MappingOf(name)
                : throw StrataException.InvalidArgument("--subuid-name makes whole mappings: leave out --uid-map and --gid-map.");
        }
        if (users.Length + groups.Length == 0)
            return null;
        return IdMapping.Create(Ranges(users.Length > 0 ? users : groups), Ranges(groups.Length > 0 ? groups : users));
    }

    private static IdRange[] Ranges(string[] texts) => texts.SelectMany(text => text.Split(',')).Select(IdRange.ParseOne).ToArray();
}
