using System.Buffers;
using Strata.Linux;

namespace Strata.Trees;

/// <summary>Copies a whole tree with all its metadata: by reflink where the file system has it, else inside the kernel, holes kept.</summary>
public sealed class TreeCopier
{
    private const int BufferSize = 1 << 20;
    private readonly RootDirectory _source;
    private readonly RootDirectory _destination;
    private readonly Dictionary<(ulong Device, ulong Inode), EntryPath> _linked = [];
    private readonly byte[] _buffer = ArrayPool<byte>.Shared.Rent(BufferSize);
    private readonly bool _own = ProcessCalls.CanOwn;
    private bool _noClone;

    private OwnerMap? _owners;
    private IProgress<ProgressReport>? _progress;
    private long _copiedBytes;

    private TreeCopier(RootDirectory source, RootDirectory destination)
    {
        _source = source;
        _destination = destination;
    }

    /// <summary>Copies what lies below one root into another, empty one, and the root's own attributes.</summary>
    /// <remarks>
    /// Kept: hard links, owners (by who may give files away), modes, nanosecond times, every extended attribute but SELinux labels, holes, devices.
    /// Not durable until synced. After a failure the copy is half made. One thread.
    /// </remarks>
    /// <param name="source">What is copied.</param>
    /// <param name="destination">Where it goes.</param>
    /// <param name="owners">The copy gets the owners outside of a user namespace; null: as they are.</param>
    /// <param name="progress">Told of the files' bytes, or null.</param>
    /// <param name="cancellationToken">Ends it early.</param>
    /// <exception cref="StrataException">InvalidArgument: an owner has no place in the mapping.</exception>
    public static void Copy(
        RootDirectory source, RootDirectory destination, OwnerMap? owners = null, IProgress<ProgressReport>? progress = null, CancellationToken cancellationToken = default)
    {
        var copier = new TreeCopier(source, destination) { _owners = owners, _progress = progress };
        try
        {
            copier.CopyDirectories(cancellationToken);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(copier._buffer);
        }
    }

    /// <summary>Copies one object that is no directory, with all its metadata; its place must be free.</summary>
    public static void CopyObject(int sourceDirectory, ReadOnlySpan<byte> sourceName, RootDirectory destinationRoot, int destinationDirectory, ReadOnlySpan<byte> name)
    {
        using var nowhere = RootDirectory.Adopt(FileCalls.Open("/", OpenFlags.Path | OpenFlags.Directory), "/");
        var copier = new TreeCopier(nowhere, destinationRoot);
        try
        {
            var errno = AttributeCalls.TryStat(sourceDirectory, sourceName, out var status);
            if (errno != Errno.None)
                throw new LinuxException(errno, "statx", EntryPath.Display(sourceName));
            copier.CopyObject(sourceDirectory, sourceName, destinationDirectory, name, status, EntryPath.Root.Child(name), track: false);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(copier._buffer);
        }
    }

    private void CopyDirectories(CancellationToken cancellationToken)
    {
        int flags = OpenFlags.ReadOnly | OpenFlags.Directory | OpenFlags.NoFollow;
        var stack = new Stack<Level>();
        stack.Push(new Level(
            FileCalls.OpenAt(_source.File, "."u8, flags), FileCalls.OpenAt(_destination.File, "."u8, flags), EntryPath.Root, AttributeCalls.Stat(_source.File)));
        try
        {
            while (stack.TryPeek(out var level))
            {
                cancellationToken.ThrowIfCancellationRequested();
                if (++level.Index == level.Names.Count)
                {
                    CopyAttributes(level.Source.Number, "."u8, level.Destination.Number, "."u8, level.Status, level.Path);
                    stack.Pop().Dispose();
                    continue;
                }
                byte[] name = level.Names[level.Index].ToArray();
                var errno = AttributeCalls.TryStat(level.Source.Number, name, out var status);
                if (errno == Errno.ENOENT)
                    continue;
                var path = level.Path.Child(name);
                if (errno != Errno.None)
                    throw new LinuxException(errno, "statx", path.ToString());
                if (!status.IsDirectory)
                {
                    CopyObject(level.Source.Number, name, level.Destination.Number, name, status, path, track: true);
                    continue;
                }
                errno = NameCalls.TryMakeDirectory(level.Destination.Number, name, 0x1C0);
                if (errno != Errno.None)
                    throw new LinuxException(errno, "mkdirat", path.ToString());
                stack.Push(new Level(FileCalls.OpenAt(level.Source, name, flags), FileCalls.OpenAt(level.Destination, name, flags), path, status));
            }
        }
        finally
        {
            foreach (var level in stack)
                level.Dispose();
        }
    }

    private void CopyObject(
        int sourceDirectory, ReadOnlySpan<byte> sourceName, int directory, ReadOnlySpan<byte> name, FileStatus status, EntryPath path, bool track)
    {
        if (track && status.LinkCount > 1)
        {
            if (_linked.TryGetValue((status.Device, status.Inode), out var first))
            {
                Link(first, directory, name, path);
                return;
            }
            _linked.Add((status.Device, status.Inode), path);
        }
        Errno errno;
        if (status.Type == NameCalls.TypeRegular)
        {
            CopyFile(sourceDirectory, sourceName, directory, name, status, path);
            return;
        }
        if (status.Type == NameCalls.TypeSymlink)
        {
            errno = NameCalls.TryReadLink(sourceDirectory, sourceName, out byte[] target);
            if (errno == Errno.None)
                errno = NameCalls.TryMakeSymlink(target, directory, name);
        }
        else
        {
            errno = NameCalls.TryMakeNode(directory, name, status.Mode, status.RdevMajor, status.RdevMinor);
        }
        if (errno != Errno.None)
            throw new LinuxException(errno, "copy", path.ToString());
        CopyAttributes(sourceDirectory, sourceName, directory, name, status, path);
    }

    private void Link(EntryPath first, int directory, ReadOnlySpan<byte> name, EntryPath path)
    {
        var errno = RootedCalls.TryOpenInRoot(
            _destination.File.Number, first.ParentBytes, OpenFlags.Path | OpenFlags.Directory, 0, out var parent, noSymlinks: true);
        if (errno == Errno.None)
        {
            using (parent)
                errno = NameCalls.TryLink(parent!.Number, first.Name, directory, name);
        }
        if (errno != Errno.None)
            throw new LinuxException(errno, "linkat", path.ToString());
    }

    private void CopyFile(int sourceDirectory, ReadOnlySpan<byte> sourceName, int directory, ReadOnlySpan<byte> name, FileStatus status, EntryPath path)
    {
        var errno = FileCalls.TryOpenAt(sourceDirectory, sourceName, OpenFlags.ReadOnly | OpenFlags.NoFollow | OpenFlags.NonBlock, 0, out var from);
        if (errno != Errno.None)
            throw new LinuxException(errno, "openat", path.ToString());
        using var source = from!;
        errno = FileCalls.TryOpenAt(
            directory, name, OpenFlags.WriteOnly | OpenFlags.Create | OpenFlags.Exclusive | OpenFlags.NoFollow, 0x180, out var to);
        if (errno != Errno.None)
            throw new LinuxException(errno, "openat", path.ToString());
        using var destination = to!;
        if (status.SizeBytes > 0 && !TryClone(source, destination))
        {
            errno = FileCalls.TryTruncate(destination.Number, status.SizeBytes);
            bool holes = status.Blocks * 512 < status.SizeBytes;
            if (!holes && errno == Errno.None)
                errno = CopyCalls.TryCopyRange(source, destination, new DataExtent(0, status.SizeBytes), _buffer);
            for (long offset = 0; holes && errno == Errno.None && FileCalls.FindData(source, offset, status.SizeBytes, out var extent);)
            {
                errno = CopyCalls.TryCopyRange(source, destination, extent, _buffer);
                offset = extent.OffsetBytes + extent.LengthBytes;
            }
            if (errno != Errno.None)
                throw new LinuxException(errno, "copy_file_range", path.ToString());
        }
        if (_progress is not null)
            _progress.Report(new ProgressReport("copy", _copiedBytes += status.SizeBytes, -1));
        CopyAttributes(sourceDirectory, sourceName, directory, name, status, path);
    }

    private bool TryClone(FileDescriptor source, FileDescriptor destination)
    {
        if (_noClone)
            return false;
        var errno = CopyCalls.TryClone(source, destination);
        if (errno is Errno.EOPNOTSUPP or Errno.ENOTTY or Errno.EXDEV or Errno.ENOSYS)
            _noClone = true;
        return errno == Errno.None;
    }

    private void CopyAttributes(int sourceDirectory, ReadOnlySpan<byte> sourceName, int directory, ReadOnlySpan<byte> name, FileStatus status, EntryPath path)
    {
        var (uid, gid) = _owners?.ToHost(status.Uid, status.Gid) ?? (status.Uid, status.Gid);
        var errno = _own ? AttributeCalls.TryChownAt(directory, name, uid, gid) : Errno.None;
        if (errno == Errno.None && status.Type != NameCalls.TypeSymlink)
            errno = AttributeCalls.TryChmodAt(directory, name, status.Permissions);
        if (errno != Errno.None)
            throw new LinuxException(errno, "chown", path.ToString());
        foreach (var xattr in XattrCalls.GetAll(sourceDirectory, sourceName))
        {
            if (EntryReader.HostIndependent(xattr.Name).IsEmpty)
                continue;
            errno = XattrCalls.TrySetAt(directory, name, xattr.Name, _owners?.ToHost(xattr.Name, xattr.Value) ?? xattr.Value);
            if (errno != Errno.None)
                throw new LinuxException(errno, "setxattr", $"{EntryPath.Display(xattr.Name)} of {path}");
        }
        errno = AttributeCalls.TrySetTimeAt(directory, name, status.Mtime);
        if (errno != Errno.None)
            throw new LinuxException(errno, "utimensat", path.ToString());
    }

    private sealed class Level(FileDescriptor source, FileDescriptor destination, EntryPath path, FileStatus status) : IDisposable
    {
        internal FileDescriptor Source => source;

        internal FileDescriptor Destination => destination;

        internal EntryPath Path => path;

        internal FileStatus Status => status;

        internal NameList Names { get; } = NameList.Read(source);

        internal int Index { get; set; } = -1;

        public void Dispose()
        {
            source.Dispose();
            destination.Dispose();
        }
    }
}
