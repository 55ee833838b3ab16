using System.Globalization;
using Strata.Linux;

namespace Strata.Drivers.Rootless;

/// <summary>Groups of users (group(5)): which number a name has, and giving them what they may use without being root.</summary>
public static class Groups
{
    private const string File = "/etc/group";
    private const uint Unchanged = uint.MaxValue;

    /// <summary>The number of a group.</summary>
    /// <param name="group">Its name in /etc/group, or its number.</param>
    /// <exception cref="StrataException">NotFound: there is none of the name.</exception>
    public static uint Find(string group)
    {
        if (uint.TryParse(group, NumberStyles.None, CultureInfo.InvariantCulture, out uint number) && number != Unchanged)
            return number;
        foreach (string line in System.IO.File.Exists(File) ? System.IO.File.ReadLines(File) : [])
        {
            if (line.Split(':') is [var name, _, var id, ..] && name == group && uint.TryParse(id, NumberStyles.None, CultureInfo.InvariantCulture, out number))
                return number;
        }
        throw StrataException.NotFound($"There is no group '{group}' in {File}. Make it (groupadd {group}), or give its number.");
    }

    /// <summary>Gives a file to a group; its owner stays.</summary>
    /// <param name="path">The file; a symbolic link itself.</param>
    /// <param name="group">The group's number.</param>
    /// <exception cref="StrataException">PermissionDenied and others: it can't be given.</exception>
    public static void Give(string path, uint group)
    {
        using var directory = FileCalls.Open(Path.GetDirectoryName(Path.GetFullPath(path))!, OpenFlags.ReadOnly | OpenFlags.Directory);
        var errno = AttributeCalls.TryChownAt(directory.Number, System.Text.Encoding.UTF8.GetBytes(Path.GetFileName(path)), Unchanged, group);
        if (errno == Errno.EPERM)
            throw StrataException.PermissionDenied($"Can't give {path} to the group {group}: only root may, or who is in that group.");
        if (errno != Errno.None)
            throw new StrataException(ErrorKind.Unknown, $"Can't give {path} to the group {group}: {errno}.");
    }
}
