using System.Globalization;
using Strata.Linux;
using Strata.Trees;

namespace Strata.Drivers.Rootless;

/// <summary>The IDs that this user's own namespace has: 0 is the user, and from 1 on those that <c>/etc/subuid</c> and <c>/etc/subgid</c> give.</summary>
/// <param name="Mapping">The mapping.</param>
/// <param name="Lacks">What keeps it from having more than one ID, and what would mend that; null: nothing.</param>
public sealed record RootlessIds(IdMapping Mapping, string? Lacks)
{
    private static readonly string[] Programs = ["newuidmap", "newgidmap"];

    /// <summary>True: files can belong to many owners, as those of images do.</summary>
    public bool HasMany => Lacks is null;

    /// <summary>How many users there are in the namespace.</summary>
    public long Count => Mapping.Users.Sum(range => range.Size);

    /// <summary>Finds them for the user that this process runs as.</summary>
    public static RootlessIds Find()
    {
        uint uid = ProcessCalls.UserId, gid = ProcessCalls.GroupId;
        string[] names = [FindName(uid), uid.ToString(CultureInfo.InvariantCulture)];
        var users = SubordinateIds.Find(SubordinateIds.UserFile, names);
        var groups = SubordinateIds.Find(SubordinateIds.GroupFile, names);
        string? lacks = Programs.FirstOrDefault(program => FuseMounts.FindProgram(program) is null) is { } missing
            ? $"the program {missing} is missing (Debian: uidmap)"
            : users.Count == 0 || groups.Count == 0
                ? $"{(users.Count == 0 ? SubordinateIds.UserFile : SubordinateIds.GroupFile)} has no IDs for '{names[0]}' (as root: usermod --add-subuids 100000-165535 --add-subgids 100000-165535 {names[0]})"
                : null;
        if (lacks is not null)
            users = groups = [];
        return new RootlessIds(
            new IdMapping([new IdRange(0, uid, 1), .. SubordinateIds.InOrder(users, 1)], [new IdRange(0, gid, 1), .. SubordinateIds.InOrder(groups, 1)]), lacks);
    }

    /// <summary>By /etc/passwd: what the environment says may be another's.</summary>
    private static string FindName(uint uid)
    {
        string number = uid.ToString(CultureInfo.InvariantCulture);
        const string file = "/etc/passwd";
        foreach (string line in File.Exists(file) ? File.ReadLines(file) : [])
        {
            if (line.Split(':') is [var name, _, var id, ..] && id == number)
                return name;
        }
        return Environment.UserName is { Length: > 0 } known ? known : number;
    }
}
