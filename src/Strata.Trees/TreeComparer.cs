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
/// Memory: the names of the directories on the way down. Calls: for each object in both trees one statx(2) a side and one listxattr(2) a side; for what a scope knows, none.
/// The trees must not change meanwhile; what vanishes is taken as removed.
/// </para>
/// </remarks>
public sealed class TreeComparer
{
    private readonly TreeCompareOptions _options;
    private readonly FrameContext _context;
    private readonly EntryReader _oldReader;
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
        _context = new FrameContext(_options, new EntryReader(_options.Xattrs, _options.UseOverrides, _options.NewOwners), new NameListPool());
        _oldReader = _options.OldOwners == _options.NewOwners ? _context.Reader : new EntryReader(_options.Xattrs, _options.UseOverrides, _options.OldOwners);
    }

    private EntryReader Reader => _context.Reader;

    /// <summary>Enumerates the changes. Each is valid until the next is asked for. One enumeration at a time.</summary>
    public IEnumerable<TreeChange> Compare(CancellationToken cancellationToken = default)
    {
        var way = new List<Frame> { Frame.OfRoots(_old, _new, _context) };
        try
        {
            if (RootChange(way[0]) is { } rootChange)
                yield return rootChange;
            while (way.Count > 0)
            {
                cancellationToken.ThrowIfCancellationRequested();
                var frame = way[^1];
                if (!frame.MoveNext())
                {
                    way.RemoveAt(way.Count - 1);
                    frame.Dispose();
                    continue;
                }
                var step = Examine(frame);
                if (step.Kind is { } kind)
                {
                    // Directories on the way that did not change themselves come first.
                    for (int i = 0; i < way.Count; i++)
                    {
                        if (way[i].Reported)
                            continue;
                        way[i].Reported = true;
                        yield return way[i].AsChange(ChangeKind.Modify);
                    }
                    yield return frame.Change(kind, step);
                }
                if (step.Descend)
                    way.Add(frame.Enter(step));
            }
        }
        finally
        {
            foreach (var frame in way)
                frame.Dispose();
        }
    }

    private TreeChange? RootChange(Frame root)
    {
        if (_old is null)
            return root.AsChange(ChangeKind.Add);
        bool differ = MetadataDiffers(_context.OfOld(AttributeCalls.Stat(_old.File)), _context.OfNew(AttributeCalls.Stat(_new.File)))
            || XattrsDiffer(_old.File.Number, "."u8, _new.File.Number, "."u8, Reader.Summarize(_new.File.Number, "."u8, null));
        return differ ? root.AsChange(ChangeKind.Modify) : null;
    }

    private Step Examine(Frame frame)
    {
        if (frame.Finding is not NameFinding.Unknown and var finding)
            return Step.Of(finding, frame.IsDirectory);
        FileStatus before = default, now = default;
        if (frame.InNew && frame.Marks is { } reader && reader.IsOwnName(frame.NewName))
            return default;
        bool inOld = frame.InOld && Stat(frame.OldDirectory!, frame.OldName, out before);
        bool inNew = frame.InNew && Stat(frame.NewDirectory, frame.NewName, out now);
        if (inNew && frame.Marks is { } marks && marks.IsRemoval(frame.NewDirectory.Number, frame.NewName, now))
            inNew = false;
        else if (frame.Marks is not null && !frame.Opaque && !inNew)
            return default; // only what changed is here: a missing name says nothing
        if (!inNew)
            return inOld ? new Step(ChangeKind.Delete, false, default, null, null) : default;
        if (_options.NewOwners is not null)
            now = _context.OfNew(now);
        if (inOld && _options.OldOwners is not null)
            before = _context.OfOld(before);
        bool same = inOld && before.Inode == now.Inode && before.Device == now.Device;
        if (same)
            return default;
        bool differ = !inOld || MetadataDiffers(before, now);
        // One list of attributes serves three: whether they changed, what marks a directory has, and its entry, should it be asked for.
        AttributeSummary? attributes = !differ || (now.IsDirectory && frame.Marks is not null)
            ? Reader.Summarize(frame.NewDirectory.Number, frame.NewName, frame.Marks)
            : null;
        if (!inOld)
            return new Step(ChangeKind.Add, now.IsDirectory, default, now, attributes);
        differ = differ
            || XattrsDiffer(frame.OldDirectory!.Number, frame.OldName, frame.NewDirectory.Number, frame.NewName, attributes!.Value)
            || (now.Type == NameCalls.TypeSymlink && TargetsDiffer(frame))
            || (_options.CompareContents && now.Type == NameCalls.TypeRegular && ContentsDiffer(frame, now, attributes!.Value));
        return new Step(differ ? ChangeKind.Modify : null, now.IsDirectory, before.IsDirectory ? before : default, now, attributes);
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

    private bool MetadataDiffers(in FileStatus before, in FileStatus now) =>
        before.Mode != now.Mode || before.Uid != now.Uid || before.Gid != now.Gid || before.RdevMajor != now.RdevMajor || before.RdevMinor != now.RdevMinor
        || (now.IsDirectory && _options.DirectoryTimes && before.Mtime != now.Mtime)
        || (!now.IsDirectory && (before.Mtime != now.Mtime || before.SizeBytes != now.SizeBytes || now.LinkCount > before.LinkCount));

    private bool XattrsDiffer(int oldDirectory, ReadOnlySpan<byte> oldName, int newDirectory, ReadOnlySpan<byte> newName, AttributeSummary newAttributes)
    {
        // The common case, by one call a side: neither has any that a layer would hold.
        if (!newAttributes.OfLayer && !_oldReader.Summarize(oldDirectory, oldName, null).OfLayer)
            return false;
        var before = _oldReader.ReadXattrs(oldDirectory, oldName, out var oldOverride);
        var now = Reader.ReadXattrs(newDirectory, newName, out var newOverride);
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

    private static bool ContentsDiffer(Frame frame, in FileStatus status, AttributeSummary attributes)
    {
        const int BufferSize = 64 * 1024;
        using var before = FileCalls.OpenAt(frame.OldDirectory!, frame.OldName, OpenFlags.ReadOnly | OpenFlags.NoFollow);
        using var now = frame.OpenNew(frame.Path.Child(frame.NewName), status, attributes);
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
    /// <param name="NewStatus">What it is now; null: nobody looked.</param>
    /// <param name="Attributes">What its list of attributes tells; null: they were not listed.</param>
    /// <param name="Known">What a scope told, instead of all that.</param>
    internal readonly record struct Step(ChangeKind? Kind, bool Descend, FileStatus OldStatus, FileStatus? NewStatus, AttributeSummary? Attributes, NameFinding Known = NameFinding.Unknown)
    {
        /// <summary>False: it certainly has none of a driver's marks.</summary>
        internal bool MayHaveMarks => Attributes is not { Marks: false };

        /// <summary>What is to be done with a name of which a scope knows enough.</summary>
        internal static Step Of(NameFinding known, bool directory)
        {
            ChangeKind? kind = known switch
            {
                NameFinding.Added => ChangeKind.Add,
                NameFinding.Deleted => ChangeKind.Delete,
                NameFinding.Modified => ChangeKind.Modify,
                _ => null,
            };
            return new Step(kind, directory && known != NameFinding.Deleted, default, null, null, known);
        }
    }
}
