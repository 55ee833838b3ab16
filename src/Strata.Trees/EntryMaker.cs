using System.Collections.Concurrent;
using Strata.Linux;

namespace Strata.Trees;

/// <summary>Makes one file system object in an open directory, with all its attributes. Safe for many threads in different directories.</summary>
/// <remarks>
/// As few calls as the case allows: owner and mode are set only where creation did not give them. The order is the kernel's: a change of owner
/// clears setuid and capabilities, so the owner comes first; setting the mode comes before access lists; times come last.
/// </remarks>
internal sealed class EntryMaker
{
    private static ReadOnlySpan<byte> AccessList => "system.posix_acl_access"u8;

    private readonly uint _uid = ProcessCalls.UserId;
    private readonly uint _gid = ProcessCalls.GroupId;
    private readonly int _umask = ProcessCalls.Umask;
    private readonly bool _override;
    private readonly bool _populated;
    private readonly bool _marks;
    private readonly Displacer _displacer;
    private readonly ConcurrentDictionary<EntryPath, long> _ahead = new();

    internal EntryMaker(TreeWriterOptions options, Displacer displacer)
    {
        _override = options.Ownership == Ownership.Override;
        _populated = !options.RootStartsEmpty;
        _marks = options.OpaqueMark is not null;
        _displacer = displacer;
    }

    /// <summary>The mode that a directory gets on disk.</summary>
    internal int DirectoryMode(int mode) => _override ? (mode | 0x1C0) & 0x1FF : mode;

    /// <summary>Makes anything but a directory or a hard link.</summary>
    /// <param name="directory">The parent.</param>
    /// <param name="entry">The entry.</param>
    /// <param name="data">The whole content of a small file; used where <paramref name="content"/> is null.</param>
    /// <param name="content">The content of a large or sparse file.</param>
    /// <param name="index">Which entry it is.</param>
    /// <returns>False: a directory stands there, made ahead by a later entry, which replaces this one.</returns>
    internal bool Make(OpenDirectory directory, LayerEntry entry, ReadOnlySpan<byte> data, EntryContent? content, long index) =>
        Make(directory, entry, data, content, index, drain: null);

    /// <summary>
    /// Makes a large file on the calling thread, ahead of the small ones of its directory that still wait: unless something stands there, in
    /// which case they come first.
    /// </summary>
    internal void MakeAhead(OpenDirectory directory, LayerEntry entry, EntryContent content, long index, Action drain)
    {
        _ahead[directory.Path.Child(entry.Path.Name)] = index;
        Make(directory, entry, default, content, index, drain);
    }

    /// <summary>Forgets what was made ahead: nothing waits any more.</summary>
    internal void ForgetAhead() => _ahead.Clear();

    private bool Make(OpenDirectory directory, LayerEntry entry, ReadOnlySpan<byte> data, EntryContent? content, long index, Action? drain)
    {
        while (true)
        {
            var errno = entry.Kind switch
            {
                EntryKind.RegularFile => TryMakeFile(directory, entry, data, content),
                EntryKind.Symlink => TryMakeSymlink(directory, entry),
                _ => TryMakeNode(directory, entry),
            };
            if (errno == Errno.None)
                return true;
            if (errno != Errno.EEXIST)
                throw Failed(errno, CallOf(entry), entry);
            if (drain is not null)
            {
                // Who made it may not be done with it, and what waits must replace that, not this one, which is not there yet.
                var path = directory.Path.Child(entry.Path.Name);
                _ahead.TryRemove(path, out _);
                drain();
                _ahead[path] = index;
            }
            if (drain is null && IsMadeAhead(directory, entry, index))
            {
                _displacer.Keep(directory, entry.Path.Name, data, index);
                return true;
            }
            if (!ClearWay(directory, entry, index))
            {
                _displacer.Keep(directory, entry.Path.Name, data, index);
                return false;
            }
        }
    }

    /// <summary>Makes a placeholder (character device 0:0) unless the layer holds something there; true if a directory stands there.</summary>
    internal static bool MakePlaceholder(int directory, EntryPath path)
    {
        var errno = NameCalls.TryMakeNode(directory, path.Name, NameCalls.TypeCharDevice, 0, 0);
        if (errno == Errno.None)
            return false;
        if (errno != Errno.EEXIST)
            throw new LinuxException(errno, "mknodat", path.ToString());
        return AttributeCalls.TryStat(directory, path.Name, out var status) == Errno.None && status.IsDirectory;
    }

    /// <summary>Sets a directory's attributes; the time, and what would be passed on to children or stop us, are left to <see cref="FinishDirectory"/>.</summary>
    internal void BeginDirectory(int directory, ReadOnlySpan<byte> name, LayerEntry entry, bool existed)
    {
        if (_override)
        {
            SetXattr(directory, name, StatOverride.AttributeName, StatOverride.Of(entry).ToBytes(), entry);
        }
        else if (existed || NeedsChown(entry))
        {
            var errno = AttributeCalls.TryChownAt(directory, name, entry.Uid, entry.Gid);
            if (errno != Errno.None)
                throw Failed(errno, "chown", entry);
        }
        foreach (var xattr in entry.Xattrs)
        {
            if (!IsInherited(xattr.Name))
                SetXattr(directory, name, xattr.Name, xattr.Value, entry);
        }
    }

    /// <summary>Sets what must be set last on a directory: access lists, mode, time.</summary>
    /// <param name="file">The directory, opened for reading.</param>
    /// <param name="entry">Its attributes.</param>
    /// <param name="whole">True: owner and all extended attributes too.</param>
    internal void FinishDirectory(FileDescriptor file, LayerEntry entry, bool whole)
    {
        if (whole)
            BeginDirectory(file.Number, "."u8, entry, existed: true);
        int mode = DirectoryMode(entry.Mode);
        var errno = AttributeCalls.TryChmod(file.Number, mode);
        if (errno != Errno.None)
            throw Failed(errno, "chmod", entry);
        foreach (var xattr in entry.Xattrs)
        {
            if (IsInherited(xattr.Name))
                SetXattr(file.Number, "."u8, xattr.Name, xattr.Value, entry);
        }
        errno = AttributeCalls.TrySetTime(file.Number, entry.Mtime);
        if (errno != Errno.None)
            throw Failed(errno, "utimensat", entry);
    }

    private Errno TryMakeFile(OpenDirectory directory, LayerEntry entry, ReadOnlySpan<byte> data, EntryContent? content)
    {
        int mode = _override ? (entry.Mode & 0x1FF) | 0x180 : entry.Mode;
        // Not more than its owner's bits until the owner is right.
        int first = mode & (NeedsChown(entry) ? 0x1C0 : 0x1FF);
        var errno = FileCalls.TryOpenRaw(
            directory.Number, entry.Path.Name, OpenFlags.WriteOnly | OpenFlags.Create | OpenFlags.Exclusive | OpenFlags.NoFollow, first, out int file);
        if (errno != Errno.None)
            return errno;
        try
        {
            errno = content is null ? (data.IsEmpty ? Errno.None : FileCalls.TryWriteAll(file, data)) : TryWriteContent(file, content);
            if (errno != Errno.None)
                throw Failed(errno, "write", entry);
            if (NeedsChown(entry) && (errno = AttributeCalls.TryChown(file, entry.Uid, entry.Gid)) != Errno.None)
                throw Failed(errno, "chown", entry);
            if ((first & ~_umask) != mode || _populated)
            {
                errno = AttributeCalls.TryChmod(file, mode);
                if (errno != Errno.None)
                    throw Failed(errno, "chmod", entry);
            }
            if (_populated)
                Clean(XattrCalls.TryRemove(file, AccessList), entry);
            if (_override)
                Set(XattrCalls.TrySet(file, StatOverride.AttributeName, StatOverride.Of(entry).ToBytes()), StatOverride.AttributeName, entry);
            foreach (var xattr in entry.Xattrs)
                Set(XattrCalls.TrySet(file, xattr.Name, xattr.Value), xattr.Name, entry);
            errno = AttributeCalls.TrySetTime(file, entry.Mtime);
            if (errno != Errno.None)
                throw Failed(errno, "utimensat", entry);
        }
        finally
        {
            FileCalls.CloseRaw(file);
        }
        return Errno.None;
    }

    private static Errno TryWriteContent(int file, EntryContent content)
    {
        const int ChunkBytes = 1 << 20;
        if (content.Extents is { } extents)
        {
            var errno = FileCalls.TryTruncate(file, content.SizeBytes);
            foreach (var extent in extents)
            {
                long offset = extent.OffsetBytes;
                for (long left = extent.LengthBytes; left > 0 && errno == Errno.None;)
                {
                    var chunk = content.ReadChunk((int)Math.Min(left, ChunkBytes));
                    if (chunk.IsEmpty)
                        return errno;
                    errno = FileCalls.TryWriteAllAt(file, chunk, offset);
                    offset += chunk.Length;
                    left -= chunk.Length;
                }
            }
            return errno;
        }
        for (var chunk = content.ReadChunk(ChunkBytes); !chunk.IsEmpty; chunk = content.ReadChunk(ChunkBytes))
        {
            var errno = FileCalls.TryWriteAll(file, chunk);
            if (errno != Errno.None)
                return errno;
        }
        return Errno.None;
    }

    private Errno TryMakeSymlink(OpenDirectory directory, LayerEntry entry)
    {
        var errno = NameCalls.TryMakeSymlink(entry.LinkTarget, directory.Number, entry.Path.Name);
        if (errno == Errno.None)
            FinishByName(directory, entry, setMode: false);
        return errno;
    }

    private Errno TryMakeNode(OpenDirectory directory, LayerEntry entry)
    {
        int type = entry.Kind switch
        {
            EntryKind.CharDevice => NameCalls.TypeCharDevice,
            EntryKind.BlockDevice => NameCalls.TypeBlockDevice,
            EntryKind.Fifo => NameCalls.TypeFifo,
            EntryKind.Socket => NameCalls.TypeSocket,
            _ => throw new InvalidOperationException($"{entry} is no node."),
        };
        int mode = entry.Mode;
        if (_override)
        {
            type = NameCalls.TypeRegular;
            mode = (mode & 0x1FF) | 0x180;
        }
        // Not more than its owner's bits until the owner is right.
        var errno = NameCalls.TryMakeNode(directory.Number, entry.Path.Name, type | (mode & 0x180), entry.DeviceMajor, entry.DeviceMinor);
        bool standIn = errno == Errno.EPERM && !_override && entry.Kind is EntryKind.CharDevice or EntryKind.BlockDevice && !ProcessCalls.IsInitialNamespace;
        if (standIn) // nobody makes devices in a user namespace: an empty file keeps what it is
            errno = NameCalls.TryMakeNode(directory.Number, entry.Path.Name, NameCalls.TypeRegular | (mode & 0x180), 0, 0);
        if (errno != Errno.None)
            return errno;
        FinishByName(directory, entry, setMode: !_override);
        if (standIn)
        {
            SetXattr(directory.Number, entry.Path.Name, StatOverride.AttributeName, StatOverride.Of(entry).ToBytes(), entry);
            errno = AttributeCalls.TrySetTimeAt(directory.Number, entry.Path.Name, entry.Mtime);
        }
        return errno;
    }

    /// <summary>
    /// Attributes of what can't be opened. Nobody else can change the directory while the layer is written, so the name is still what was made.
    /// </summary>
    private void FinishByName(OpenDirectory directory, LayerEntry entry, bool setMode)
    {
        var name = entry.Path.Name;
        if (NeedsChown(entry))
        {
            var errno = AttributeCalls.TryChownAt(directory.Number, name, entry.Uid, entry.Gid);
            if (errno != Errno.None)
                throw Failed(errno, "chown", entry);
        }
        if (setMode)
        {
            var errno = AttributeCalls.TryChmodAt(directory.Number, name, entry.Mode);
            if (errno != Errno.None)
                throw Failed(errno, "chmod", entry);
        }
        if (_populated && entry.Kind != EntryKind.Symlink)
            Clean(XattrCalls.TryRemoveAt(directory.Number, name, AccessList), entry);
        if (_override && entry.Kind != EntryKind.Symlink)
            SetXattr(directory.Number, name, StatOverride.AttributeName, StatOverride.Of(entry).ToBytes(), entry);
        foreach (var xattr in entry.Xattrs)
            SetXattr(directory.Number, name, xattr.Name, xattr.Value, entry);
        var timed = AttributeCalls.TrySetTimeAt(directory.Number, name, entry.Mtime);
        if (timed != Errno.None)
            throw Failed(timed, "utimensat", entry);
    }

    private bool IsMadeAhead(OpenDirectory directory, LayerEntry entry, long index) =>
        _ahead.TryGetValue(directory.Path.Child(entry.Path.Name), out long ahead) && ahead > index;

    /// <summary>Gets a non-directory out of the way; false: a directory stands there.</summary>
    private bool ClearWay(OpenDirectory directory, LayerEntry entry, long index)
    {
        var errno = AttributeCalls.TryStat(directory.Number, entry.Path.Name, out var status);
        if (errno == Errno.ENOENT)
            return true;
        if (errno != Errno.None)
            throw Failed(errno, "statx", entry);
        if (status.IsDirectory)
            return false;
        _displacer.Clear(directory, entry.Path.Name, status, index, ofThisLayer: !IsPlaceholder(status));
        return true;
    }

    internal bool IsPlaceholder(FileStatus status) =>
        _marks && status is { Type: NameCalls.TypeCharDevice, RdevMajor: 0, RdevMinor: 0 };

    /// <summary>New files belong to this process, unless the directory hands its group or an access list on, as one of a lower layer might.</summary>
    private bool NeedsChown(LayerEntry entry) => !_override && (_populated || entry.Uid != _uid || entry.Gid != _gid);

    /// <summary>Attributes of a directory that its new children would get too.</summary>
    internal static bool IsInherited(byte[] name) => name.AsSpan().SequenceEqual("system.posix_acl_default"u8);

    /// <summary>A directory of a layer below may have handed an access list on, which the entry does not have.</summary>
    private static void Clean(Errno errno, LayerEntry entry)
    {
        if (errno is not (Errno.None or Errno.ENODATA or Errno.EOPNOTSUPP))
            throw Failed(errno, "removexattr", entry);
    }

    private void SetXattr(int directory, ReadOnlySpan<byte> file, ReadOnlySpan<byte> name, byte[] value, LayerEntry entry) =>
        Set(XattrCalls.TrySetAt(directory, file, name, value), name, entry);

    private void Set(Errno errno, ReadOnlySpan<byte> name, LayerEntry entry)
    {
        if (errno == Errno.None)
            return;
        // Who may not own files may not set these either; the layer's recipe keeps them.
        if (_override && errno is Errno.EPERM or Errno.EOPNOTSUPP && !name.StartsWith("user."u8))
            return;
        if (errno == Errno.EOPNOTSUPP)
            throw StrataException.NotSupported($"The file system can't hold the extended attribute '{EntryPath.Display(name)}' of {entry}. Put the store on ext4, xfs or btrfs.");
        throw new LinuxException(errno, "setxattr", $"{EntryPath.Display(name)} of {entry.Path}");
    }

    private static string CallOf(LayerEntry entry) => entry.Kind switch
    {
        EntryKind.RegularFile => "openat",
        EntryKind.Symlink => "symlinkat",
        _ => "mknodat",
    };

    private static StrataException Failed(Errno errno, string call, LayerEntry entry)
    {
        var cause = new LinuxException(errno, call, entry.ToString());
        return (errno, call) switch
        {
            (Errno.EINVAL, "chown") => StrataException.NotSupported(
                $"Can't make {entry}: its owner {entry.Uid}:{entry.Gid} has no number in this user namespace. Map more IDs into the namespace, or run as root outside of it.", cause),
            (Errno.EPERM, "mknodat") => StrataException.PermissionDenied($"Can't make {entry}: devices can be made by root, not by who is root in a user namespace only.", cause),
            _ => cause,
        };
    }
}
