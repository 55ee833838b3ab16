using Strata.Drivers.Overlay;
using Strata.Formats.Erofs;
using Strata.Linux;
using Strata.Trees;

namespace Strata.Drivers.Erofs;

/// <summary>The layers below as the kernel shows them: for those of which one is no tar.</summary>
/// <param name="root">Their whole tree; owned.</param>
/// <param name="marks">The marks.</param>
internal sealed class MountedLowerTree(RootDirectory root, OverlayMarks marks) : ILowerTree
{
    private readonly EntryReader _reader = new(marks.ToLayer, useOverrides: false);

    public ErofsAttributes? FindDirectory(EntryPath path)
    {
        using var directory = Open(path, OpenFlags.ReadOnly | OpenFlags.Directory | OpenFlags.NoFollow);
        if (directory is null)
            return null;
        return AttributesOf(_reader.Read(directory.Number, "."u8, AttributeCalls.Stat(directory), path));
    }

    public LowerObject? FindObject(EntryPath path)
    {
        using var parent = Open(path.Parent, OpenFlags.Path | OpenFlags.Directory);
        if (parent is null || AttributeCalls.TryStat(parent.Number, path.Name, out var status) != Errno.None || status.IsDirectory)
            return null;
        var entry = _reader.Read(parent.Number, path.Name, status, path);
        return new LowerObject(
            entry.Kind, AttributesOf(entry), entry.LinkTarget, entry.DeviceMajor, entry.DeviceMinor, entry.SizeBytes,
            () => new FileContent(root.OpenFile(path), status, path));
    }

    public IReadOnlyList<byte[]> RootNames()
    {
        var names = new List<byte[]>();
        using var opened = FileCalls.OpenAt(root.File, "."u8, OpenFlags.ReadOnly | OpenFlags.Directory);
        using var reader = new DirectoryReader(opened);
        while (reader.MoveNext())
            names.Add(reader.Name.ToArray());
        return names;
    }

    public void Dispose() => root.Dispose();

    private ErofsAttributes AttributesOf(LayerEntry entry)
    {
        var disk = marks.ToDisk(entry);
        return new ErofsAttributes(disk.Mode, disk.Uid, disk.Gid, disk.Mtime, disk.Xattrs);
    }

    private FileDescriptor? Open(EntryPath path, int flags)
    {
        var errno = RootedCalls.TryOpenInRoot(root.File.Number, path.Bytes, flags, 0, out var file, noSymlinks: true);
        if (errno is Errno.ENOENT or Errno.ENOTDIR or Errno.ELOOP)
            return null;
        return errno == Errno.None ? file : throw new LinuxException(errno, "open", $"{path} in the layers below");
    }
}
