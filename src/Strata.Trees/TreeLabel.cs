using System.Text;
using Strata.Linux;

namespace Strata.Trees;

/// <summary>SELinux's label of files: the attribute <c>security.selinux</c> (selinux(8)), for trees that are handed out without a mount that could carry one.</summary>
public static class TreeLabel
{
    /// <summary>Gives a directory, and all below it on the same file system, a label.</summary>
    /// <param name="root">The directory.</param>
    /// <param name="label">The label.</param>
    /// <exception cref="StrataException">NotSupported: the file system keeps no such attributes. PermissionDenied: this process may not label. InvalidArgument: SELinux knows no such label.</exception>
    public static void Give(string root, string label)
    {
        byte[] value = Encoding.ASCII.GetBytes(label);
        using var top = FileCalls.Open(root, OpenFlags.ReadOnly | OpenFlags.Directory);
        Set(top, "."u8, value, root);
        Walk(top, AttributeCalls.Stat(top).Device, value);
    }

    /// <summary>The label of a directory itself; null: it has none.</summary>
    public static string? Find(string directory)
    {
        using var opened = FileCalls.Open(directory, OpenFlags.ReadOnly | OpenFlags.Directory);
        return XattrCalls.Find(opened, Name) is { } value ? Encoding.ASCII.GetString(value).TrimEnd('\0') : null;
    }

    private static ReadOnlySpan<byte> Name => "security.selinux"u8;

    private static void Walk(FileDescriptor directory, ulong device, byte[] value)
    {
        using var reader = new DirectoryReader(directory);
        while (reader.MoveNext())
        {
            if (AttributeCalls.TryStat(directory.Number, reader.Name, out var status) != Errno.None || status.Device != device)
                continue; // gone meanwhile, or another file system
            Set(directory, reader.Name, value, null);
            if (!status.IsDirectory)
                continue;
            using var below = FileCalls.OpenAt(directory, reader.Name, OpenFlags.ReadOnly | OpenFlags.Directory | OpenFlags.NoFollow);
            Walk(below, device, value);
        }
    }

    private static void Set(FileDescriptor directory, ReadOnlySpan<byte> name, byte[] value, string? path)
    {
        var errno = XattrCalls.TrySetAt(directory.Number, name, Name, value);
        if (errno != Errno.None)
            throw new LinuxException(errno, "setxattr security.selinux", path ?? EntryPath.Display(name));
    }
}
