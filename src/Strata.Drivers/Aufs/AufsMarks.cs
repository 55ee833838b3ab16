using Strata.Drivers.Overlay;
using Strata.Linux;
using Strata.Trees;

namespace Strata.Drivers.Aufs;

/// <summary>Translates between what aufs and what overlayfs put on disk for a removal: the one place that knows aufs's names (aufs(5)).</summary>
/// <remarks>
/// aufs: an empty file <c>.wh.NAME</c> removes a name, <c>.wh..wh..opq</c> hides what a directory has below, and all else that begins with
/// <c>.wh..wh.</c> is its own: <c>.wh..wh.aufs</c>, the file that whiteouts are hard links to, <c>.wh..wh.plnk/</c> and <c>.wh..wh.orph/</c>.
/// </remarks>
internal sealed class AufsMarks(OverlayMarks overlay)
{
    private static readonly int DirectoryFlags = OpenFlags.ReadOnly | OpenFlags.Directory | OpenFlags.NoFollow;
    private const int LongestName = 255;

    private static ReadOnlySpan<byte> Prefix => ".wh."u8;

    private static ReadOnlySpan<byte> Own => ".wh..wh."u8;

    private static ReadOnlySpan<byte> Opaque => ".wh..wh..opq"u8;

    /// <summary>Fills an empty directory with what a branch holds, with overlayfs's marks. Files are hard links: nothing is copied.</summary>
    internal void ToView(FileDescriptor branch, FileDescriptor view)
    {
        var names = Names(branch);
        foreach (byte[] name in names)
        {
            if (name.AsSpan().SequenceEqual(Opaque))
                Check(XattrCalls.TrySetAt(view.Number, "."u8, overlay.OpaqueMark.Name, overlay.OpaqueMark.Value), "setxattr", name);
            else if (name.AsSpan().StartsWith(Own))
                continue;
            else if (name.AsSpan().StartsWith(Prefix))
                Check(NameCalls.TryMakeNode(view.Number, name.AsSpan(Prefix.Length), NameCalls.TypeCharDevice, 0, 0), "mknodat", name);
            else
                Show(branch, view, name);
        }
        CopyAttributes(branch, view, overlay.ToDisk); // what looks like overlayfs's own is escaped
    }

    /// <summary>Turns overlayfs's marks in a branch that was just written into aufs's.</summary>
    internal void FromOverlay(FileDescriptor branch)
    {
        var time = AttributeCalls.Stat(branch).Mtime;
        bool changed = false;
        foreach (byte[] name in Names(branch))
        {
            Check(AttributeCalls.TryStat(branch.Number, name, out var status), "statx", name);
            if (overlay.IsRemoval(branch.Number, name, status))
            {
                Check(NameCalls.TryUnlink(branch.Number, name), "unlinkat", name);
                MakeMark(branch, [.. Prefix, .. name]);
                changed = true;
                continue;
            }
            Unescape(branch, name);
            if (!status.IsDirectory)
                continue;
            using var child = FileCalls.OpenAt(branch, name, DirectoryFlags);
            if (overlay.IsOpaque(child))
            {
                var childTime = status.Mtime;
                Check(XattrCalls.TryRemove(child.Number, overlay.OpaqueMark.Name), "removexattr", name);
                MakeMark(child, Opaque.ToArray());
                FromOverlay(child);
                Check(AttributeCalls.TrySetTime(child.Number, childTime), "utimensat", name);
                continue;
            }
            FromOverlay(child);
        }
        if (changed)
            Check(AttributeCalls.TrySetTime(branch.Number, time), "utimensat", "."u8);
    }

    /// <summary>Gives a branch's root the owner, mode, attributes and time of another branch's.</summary>
    internal static void CopyRoot(FileDescriptor from, FileDescriptor to) => CopyAttributes(from, to, entry => entry);

    private static void CopyAttributes(FileDescriptor from, FileDescriptor to, Func<LayerEntry, LayerEntry> onDisk)
    {
        var status = AttributeCalls.Stat(from);
        Check(AttributeCalls.TryChown(to.Number, status.Uid, status.Gid), "chown", "."u8);
        Check(AttributeCalls.TryChmod(to.Number, status.Permissions), "chmod", "."u8);
        var entry = new LayerEntry { Path = EntryPath.Root, Kind = EntryKind.Directory, Xattrs = XattrCalls.GetAll(from.Number, "."u8).Where(x => !EntryReader.HostIndependent(x.Name).IsEmpty).ToArray() };
        foreach (var xattr in onDisk(entry).Xattrs)
            Check(XattrCalls.TrySetAt(to.Number, "."u8, xattr.Name, xattr.Value), "setxattr", xattr.Name);
        Check(AttributeCalls.TrySetTime(to.Number, status.Mtime), "utimensat", "."u8);
    }

    private void Show(FileDescriptor branch, FileDescriptor view, byte[] name)
    {
        Check(AttributeCalls.TryStat(branch.Number, name, out var status), "statx", name);
        if (status is { Type: NameCalls.TypeCharDevice, RdevMajor: 0, RdevMinor: 0 })
            throw StrataException.NotSupported($"{EntryPath.Display(name)} is a character device 0:0, which overlayfs takes for a removal: this aufs layer can only be read where the kernel has aufs.");
        if (!status.IsDirectory)
        {
            Check(NameCalls.TryLink(branch.Number, name, view.Number, name), "linkat", name);
            return;
        }
        Check(NameCalls.TryMakeDirectory(view.Number, name, 0x1C0), "mkdirat", name);
        using var from = FileCalls.OpenAt(branch, name, DirectoryFlags);
        using var to = FileCalls.OpenAt(view, name, DirectoryFlags);
        ToView(from, to);
    }

    /// <summary>An attribute of a layer's own that looks like overlayfs's was escaped; aufs knows no such names.</summary>
    private void Unescape(FileDescriptor directory, byte[] name)
    {
        foreach (var xattr in XattrCalls.GetAll(directory.Number, name))
        {
            var real = overlay.ToLayer(xattr.Name);
            if (real.IsEmpty || real.SequenceEqual(xattr.Name))
                continue;
            throw StrataException.NotSupported(
                $"The layer has the attribute {EntryPath.Display(real)} on {EntryPath.Display(name)}, which the aufs driver can't keep.");
        }
    }

    private static void MakeMark(FileDescriptor directory, byte[] name)
    {
        if (name.Length > LongestName)
            throw StrataException.InvalidArgument($"aufs can't remove {EntryPath.Display(name.AsSpan(Prefix.Length))}: with .wh. before it the name is longer than {LongestName} bytes.");
        FileCalls.OpenAt(directory, name, OpenFlags.WriteOnly | OpenFlags.Create | OpenFlags.NoFollow, 0x124).Dispose(); // 0444
    }

    private static List<byte[]> Names(FileDescriptor directory)
    {
        var names = new List<byte[]>();
        using var again = FileCalls.OpenAt(directory, "."u8, OpenFlags.ReadOnly | OpenFlags.Directory);
        using var reader = new DirectoryReader(again);
        while (reader.MoveNext())
            names.Add(reader.Name.ToArray());
        return names;
    }

    private static void Check(Errno errno, string call, ReadOnlySpan<byte> name)
    {
        if (errno != Errno.None)
            throw new LinuxException(errno, call, EntryPath.Display(name));
    }
}
