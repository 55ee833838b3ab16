using Strata.Linux;

namespace Strata.Trees;

/// <content>What hides the layers below: by marks where the layer has a tree of its own, by removing where it is written over theirs.</content>
public sealed partial class TreeWriter
{
    /// <summary>
    /// Removes a path of the layers below; what this layer itself wrote there, before or after, stays. In a tree of its own: a character device
    /// 0:0, or an opaque directory. In a tree that holds the layers below: they are removed.
    /// </summary>
    /// <param name="path">What is removed below.</param>
    /// <param name="index">Which entry of the layer it is.</param>
    public void WritePlaceholder(EntryPath path, long index)
    {
        FinishEarlyIfFull();
        var parent = ParentOf(path, index).Share();
        try
        {
            var actual = ActualPath(parent, path);
            if (_queue is null)
                RemoveLower(parent, actual);
            else if (_directories.Contains(actual.Bytes))
                SetOpaque(parent.Number, actual.Name);
            else
                _queue.Add(parent, new LayerEntry { Path = path, Kind = EntryKind.Whiteout }, EntryContent.Empty, index);
        }
        finally
        {
            parent.Release();
        }
    }

    /// <summary>
    /// Hides all that the layers below have in a directory, which is made if it is not there; what this layer itself wrote in it stays.
    /// In a tree of its own: the opaque mark. In a tree that holds the layers below: their children are removed.
    /// </summary>
    /// <param name="directory">The directory.</param>
    /// <param name="index">Which entry of the layer it is.</param>
    public void MarkOpaque(EntryPath directory, long index)
    {
        FinishEarlyIfFull();
        var opened = Resolve(directory, index).Share();
        try
        {
            if (_queue is null)
                RemoveLowerChildren(opened);
            else
                SetOpaque(opened.Number, "."u8);
        }
        finally
        {
            opened.Release();
        }
    }

    private void SetOpaque(int directory, ReadOnlySpan<byte> name)
    {
        var mark = _options.OpaqueMark ?? throw new InvalidOperationException("No opaque mark was given.");
        // An O_PATH descriptor can't take attributes itself: its "." can.
        var errno = XattrCalls.TrySetAt(directory, name, mark.Name, mark.Value);
        if (errno != Errno.None)
            throw new LinuxException(errno, "setxattr", EntryPath.Display(mark.Name));
    }

    private void RemoveLower(OpenDirectory parent, EntryPath actual)
    {
        if (!WroteInThisLayer(actual))
        {
            TreeRemover.Remove(parent.Number, actual.Name);
            return;
        }
        if (Status(parent, actual.Name) is not { IsDirectory: true })
            return; // this layer's own
        var errno = FileCalls.TryOpenAt(
            parent.Number, actual.Name, OpenFlags.Path | OpenFlags.Directory | OpenFlags.NoFollow, 0, out var file);
        if (errno != Errno.None)
            throw new LinuxException(errno, "openat", actual.ToString());
        var directory = new OpenDirectory(file!, actual, throughSymlink: false);
        try
        {
            RemoveLowerChildren(directory);
        }
        finally
        {
            directory.Release();
        }
    }

    private void RemoveLowerChildren(OpenDirectory directory)
    {
        _unfinished.KeepTime(directory.Path, directory.Number);
        var names = new List<byte[]>();
        var errno = FileCalls.TryOpenAt(directory.Number, "."u8, OpenFlags.ReadOnly | OpenFlags.Directory, 0, out var readable);
        if (errno != Errno.None)
            throw new LinuxException(errno, "openat", directory.Path.ToString());
        using (readable)
        using (var reader = new DirectoryReader(readable!))
        {
            while (reader.MoveNext())
                names.Add(reader.Name.ToArray());
        }
        foreach (byte[] name in names)
            RemoveLower(directory, directory.Path.Child(name));
    }
}
