using Strata.Linux;

namespace Strata.Trees;

/// <content>Directories: listed by the layer, implied by it, or in the way of it.</content>
public sealed partial class TreeWriter
{
    private void WriteRoot(LayerEntry entry)
    {
        if (entry.Kind != EntryKind.Directory)
            throw StrataException.InvalidArgument($"The layer was refused: its root can only be a directory, not a {entry.Kind} (CVE-2021-29136).");
        RemoveXattrs(_root.File.Number, entry.Path);
        _maker.BeginDirectory(_root.File.Number, "."u8, entry, existed: true);
        _unfinished.AddListed(entry, entry.Path);
    }

    private void WriteDirectory(OpenDirectory parent, LayerEntry entry, EntryPath actual, long index)
    {
        var name = actual.Name;
        int mode = _maker.DirectoryMode(entry.Mode) & 0x1FF;
        var errno = NameCalls.TryMakeDirectory(parent.Number, name, mode);
        bool existed = errno == Errno.EEXIST;
        if (existed)
        {
            _queue?.Drain(parent);
            existed = MakeWayForDirectory(parent, actual, index, mode);
        }
        else if (errno != Errno.None)
        {
            throw new LinuxException(errno, "mkdirat", entry.ToString());
        }
        // One of a populated tree may have been handed access lists by the directory it was made in.
        if (existed || _written is not null)
            RemoveXattrs(parent, actual);
        _directories.Add(actual.Bytes);
        _maker.BeginDirectory(parent.Number, name, entry, existed);
        _unfinished.AddListed(entry, actual);
    }

    /// <summary>A name that a directory is to get is taken: keeps a directory (true), replaces anything else by a new one (false).</summary>
    private bool MakeWayForDirectory(OpenDirectory parent, EntryPath actual, long index, int mode)
    {
        if (Status(parent, actual.Name) is { } status)
        {
            if (status.IsDirectory)
                return true;
            _displacer.Clear(parent, actual.Name, status, index, ofThisLayer: !_maker.IsPlaceholder(status) && WroteInThisLayer(actual));
            _cache.Clear();
        }
        var errno = NameCalls.TryMakeDirectory(parent.Number, actual.Name, mode);
        if (errno != Errno.None)
            throw new LinuxException(errno, "mkdirat", actual.ToString());
        // What stood there hid the layers below; the directory must go on hiding them.
        if (_options.OpaqueMark is not null)
            SetOpaque(parent.Number, actual.Name);
        return false;
    }

    private void MakeImplied(OpenDirectory parent, EntryPath actual, bool exists, long index)
    {
        if (exists)
        {
            MakeWayForDirectory(parent, actual, index, ImpliedMode);
        }
        else
        {
            var errno = NameCalls.TryMakeDirectory(parent.Number, actual.Name, ImpliedMode);
            if (errno != Errno.None)
                throw new LinuxException(errno, "mkdirat", actual.ToString());
        }
        if (_written is not null)
            RemoveXattrs(parent, actual);
        MarkWritten(actual);
        _directories.Add(actual.Bytes);
        if (_namesBelow && !HidesLower(actual))
            _asBelow.Add(actual);
        _unfinished.AddImplied(actual, hidesLower: exists);
    }

    private void RemoveXattrs(OpenDirectory parent, EntryPath actual)
    {
        var errno = FileCalls.TryOpenAt(
            parent.Number, actual.Name, OpenFlags.ReadOnly | OpenFlags.Directory | OpenFlags.NoFollow, 0, out var directory);
        if (errno != Errno.None)
            throw new LinuxException(errno, "openat", actual.ToString());
        using var opened = directory!;
        RemoveXattrs(opened.Number, actual);
    }

    /// <summary>Takes from a directory what an earlier entry or a layer below gave it; the driver's own mark and the host's label stay.</summary>
    private void RemoveXattrs(int directory, EntryPath actual)
    {
        foreach (var xattr in XattrCalls.GetAll(directory, "."u8))
        {
            if (xattr.Name.AsSpan().StartsWith("security.selinux"u8) || (_options.OpaqueMark is { } mark && xattr.Name.AsSpan().SequenceEqual(mark.Name)))
                continue;
            var errno = XattrCalls.TryRemove(directory, xattr.Name);
            // EOPNOTSUPP, EPERM, EACCES: a property of the file system or the host, not the layer's to remove.
            if (errno is not (Errno.None or Errno.ENODATA or Errno.EOPNOTSUPP or Errno.EPERM or Errno.EACCES or Errno.EINVAL))
                throw new LinuxException(errno, "removexattr", $"{EntryPath.Display(xattr.Name)} of {actual}");
        }
    }
}
