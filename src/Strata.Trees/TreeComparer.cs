using Strata.Linux;

namespace Strata.Trees;

/// <summary>Finds what changed between two trees, by their metadata, in depth-first order of the paths' bytes.</summary>
/// <remarks>
/// <para>
/// Something changed if its type, mode, owner, device number or an extended attribute did; for all but directories also the modification time
/// (to the nanosecond) and the size; for symbolic links the target; or if it gained a hard link. A directory below which something changed is reported before it, as
/// modified. A removed directory is one deletion. Directories that are the same inode in both trees are not descended into. A null old tree:
/// everything was added. The root itself is reported only if its own attributes changed, or if there is no old tree.
/// </para>
/// <para>
/// Memory: the names of the directories on the way down. Calls: for each object in both trees one statx(2) a side and one listxattr(2) a side.
/// The trees must not change meanwhile; what vanishes is taken as removed.
/// </para>
/// </remarks>
public sealed class TreeComparer
{
    private readonly TreeCompareOptions _options;
    private readonly EntryReader _reader;
    private readonly RootDirectory? _old;
    private readonly RootDirectory _new;

    /// <summary>Makes a comparer.</summary>
    /// <param name="oldTree">The tree before, or null: nothing. Stays the caller's.</param>
    /// <param name="newTree">The tree now. Stays the caller's.</param>
    /// <param name="options">How.</param>
    public TreeComparer(RootDirectory? oldTree, RootDirectory newTree, TreeCompareOptions? options = null)
    {
        _old = oldTree;
        _new = newTree;
        _options = options ?? new TreeCompareOptions();
        _reader = new EntryReader(_options.Xattrs, _options.UseOverrides);
    }

    /// <summary>Enumerates the changes. Each is valid until the next is asked for.</summary>
    public IEnumerable<TreeChange> Compare(CancellationToken cancellationToken = default)
    {
        var stack = new Stack<Frame>();
        var root = Frame.OfRoots(_old, _new, _options);
        stack.Push(root);
        try
        {
            if (RootChange(root) is { } rootChange)
                yield return rootChange;
            while (stack.TryPeek(out var frame))
            {
                cancellationToken.ThrowIfCancellationRequested();
                if (!frame.MoveNext())
                {
                    stack.Pop().Dispose();
                    continue;
                }
                var step = Examine(frame);
                if (step.Kind is { } kind)
                {
                    // Directories on the way that did not change themselves come first.
                    foreach (var above in stack.Reverse())
                    {
                        if (!above.Reported)
                        {
                            above.Reported = true;
                            yield return above.AsModified(_reader);
                        }
                    }
                    yield return frame.Change(kind, _reader, step.NewStatus);
                }
                if (step.Descend)
                    stack.Push(frame.Enter(step, reported: step.Kind is not null));
            }
        }
        finally
        {
            foreach (var frame in stack)
                frame.Dispose();
        }
    }

    private TreeChange? RootChange(Frame root)
    {
        var status = AttributeCalls.Stat(_new.File);
        if (_old is not null)
        {
            var before = AttributeCalls.Stat(_old.File);
            if (!Differ(before, status, _old.File.Number, "."u8, _new.File.Number, "."u8))
                return null;
        }
        return new TreeChange(
            EntryPath.Root, _old is null ? ChangeKind.Add : ChangeKind.Modify, status,
            () => _reader.Read(_new.File.Number, "."u8, status, EntryPath.Root), null);
    }

    private Step Examine(Frame frame)
    {
        FileStatus before = default, now = default;
        bool inOld = frame.InOld && Stat(frame.OldDirectory!, frame.OldName, out before);
        bool inNew = frame.InNew && Stat(frame.NewDirectory, frame.NewName, out now);
        if (inNew && frame.Marks is { } marks && marks.IsRemoval(frame.NewDirectory.Number, frame.NewName, now))
            inNew = false;
        else if (frame.Marks is not null && !frame.Opaque && !inNew)
            return default; // only what changed is here: a missing name says nothing
        if (!inNew)
            return inOld ? new Step(ChangeKind.Delete, false, default, default) : default;
        if (!inOld)
            return new Step(ChangeKind.Add, now.IsDirectory, default, now);
        if (before.Inode == now.Inode && before.Device == now.Device)
            return default;
        bool differ = Differ(before, now, frame.OldDirectory!.Number, frame.OldName, frame.NewDirectory.Number, frame.NewName)
            || (now.Type == NameCalls.TypeSymlink && TargetsDiffer(frame))
            || (_options.CompareContents && now.Type == NameCalls.TypeRegular && ContentsDiffer(frame));
        return new Step(differ ? ChangeKind.Modify : null, now.IsDirectory, before.IsDirectory ? before : default, now);
    }

    private static bool Stat(FileDescriptor directory, ReadOnlySpan<byte> name, out FileStatus status)
    {
        var errno = AttributeCalls.TryStat(directory.Number, name, out status);
        return errno switch
        {
            Errno.None => true,
            Errno.ENOENT => false,
            _ => throw new LinuxException(errno, "statx", EntryPath.Display(name)),
        };
    }

    private bool Differ(in FileStatus before, in FileStatus now, int oldDirectory, ReadOnlySpan<byte> oldName, int newDirectory, ReadOnlySpan<byte> newName)
    {
        if (before.Mode != now.Mode || before.Uid != now.Uid || before.Gid != now.Gid
            || before.RdevMajor != now.RdevMajor || before.RdevMinor != now.RdevMinor)
            return true;
        if (!now.IsDirectory && (before.Mtime != now.Mtime || before.SizeBytes != now.SizeBytes || now.LinkCount > before.LinkCount))
            return true;
        return XattrsDiffer(oldDirectory, oldName, newDirectory, newName);
    }

    private bool XattrsDiffer(int oldDirectory, ReadOnlySpan<byte> oldName, int newDirectory, ReadOnlySpan<byte> newName)
    {
        // The common case, by one call a side: neither has any that a layer would hold.
        if (!_reader.MayHaveXattrs(oldDirectory, oldName) && !_reader.MayHaveXattrs(newDirectory, newName))
            return false;
        var before = _reader.ReadXattrs(oldDirectory, oldName, out var oldOverride);
        var now = _reader.ReadXattrs(newDirectory, newName, out var newOverride);
        if (oldOverride != newOverride || before.Count != now.Count)
            return true;
        for (int i = 0; i < now.Count; i++)
        {
            if (!before[i].Name.AsSpan().SequenceEqual(now[i].Name) || !before[i].Value.AsSpan().SequenceEqual(now[i].Value))
                return true;
        }
        return false;
    }

    /// <summary>A link to another place of the same length and time: as builds with fixed times make them.</summary>
    private static bool TargetsDiffer(Frame frame)
    {
        var a = NameCalls.TryReadLink(frame.OldDirectory!.Number, frame.OldName, out byte[] before);
        var b = NameCalls.TryReadLink(frame.NewDirectory.Number, frame.NewName, out byte[] now);
        return a != b || !before.AsSpan().SequenceEqual(now);
    }

    private static bool ContentsDiffer(Frame frame)
    {
        const int BufferSize = 64 * 1024;
        using var before = FileCalls.OpenAt(frame.OldDirectory!, frame.OldName, OpenFlags.ReadOnly | OpenFlags.NoFollow);
        using var now = frame.OpenNew();
        byte[] a = System.Buffers.ArrayPool<byte>.Shared.Rent(BufferSize);
        byte[] b = System.Buffers.ArrayPool<byte>.Shared.Rent(BufferSize);
        try
        {
            for (long offset = 0; ;)
            {
                int n = FileCalls.ReadAt(before, a.AsSpan(0, BufferSize), offset);
                int m = 0;
                while (m < n)
                {
                    int read = FileCalls.ReadAt(now, b.AsSpan(m, n - m), offset + m);
                    if (read == 0)
                        return true;
                    m += read;
                }
                if (!a.AsSpan(0, n).SequenceEqual(b.AsSpan(0, n)))
                    return true;
                if (n == 0)
                    return FileCalls.ReadAt(now, b.AsSpan(0, 1), offset) != 0;
                offset += n;
            }
        }
        finally
        {
            System.Buffers.ArrayPool<byte>.Shared.Return(a);
            System.Buffers.ArrayPool<byte>.Shared.Return(b);
        }
    }

    /// <summary>What is to be done with a name.</summary>
    /// <param name="Kind">The change; null: none.</param>
    /// <param name="Descend">It is a directory now.</param>
    /// <param name="OldStatus">The directory that it was before; default: it was none.</param>
    /// <param name="NewStatus">What it is now.</param>
    internal readonly record struct Step(ChangeKind? Kind, bool Descend, FileStatus OldStatus, FileStatus NewStatus);
}
