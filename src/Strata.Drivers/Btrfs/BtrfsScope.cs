using Strata.Linux;
using Strata.Trees;

namespace Strata.Drivers.Btrfs;

/// <summary>Where a subvolume and one that it descends from by snapshots can differ: found in what btrfs wrote since, not by walking.</summary>
/// <remarks>
/// <para>
/// A snapshot shares the blocks of its origin's tree, inode numbers and all. Every block that was written later has a later transaction in its
/// header, so a search with a least transaction reads those blocks only. In them each inode item tells the transaction that last changed the
/// inode; whatever changes a file's data, attributes or number of links changes it, and whatever makes or removes a name changes the
/// directory's. So what can differ is: at the names of old inodes that changed, and at any name in directories that changed. Inodes that are
/// new lie in directories that are new or changed.
/// </para>
/// <para>
/// An old inode that changed is compared with what it was by its items in the two trees. Mostly that decides it, and nobody needs to look at the file; and what was only
/// read, whose access time is written, too, is left out. Names that came or went are found in the items of the two directories.
/// </para>
/// <para>Memory: for each changed old inode its names, and the directories above them; more than <see cref="MaxInodes"/> and it is given up.</para>
/// </remarks>
/// <param name="before">The root directory of the old subvolume.</param>
/// <param name="now">That of the new one. In both nothing is waiting to be written: they are snapshots that were just made, or were read-only for long.</param>
internal sealed class BtrfsScope(FileDescriptor before, FileDescriptor now) : ITreeScope
{
    /// <summary>So many changed inodes are nearly everything, and walking both trees costs no more.</summary>
    private const int MaxInodes = 200_000;

    private readonly Dictionary<ulong, BtrfsFinding> _changed = [];
    private readonly Dictionary<ulong, List<(byte[] Name, ulong Inode)>> _names = [];

    /// <inheritdoc/>
    public IReadOnlyList<ScopedName> NamesIn(ulong directoryInode)
    {
        var known = new List<ScopedName>();
        if (_names.TryGetValue(directoryInode, out var names))
            known.AddRange(names.Select(n => Of(n.Name, n.Inode)));
        if (_changed.ContainsKey(directoryInode))
        {
            var different = BtrfsDirectoryNames.FindDifferent(before, now, directoryInode);
            known.RemoveAll(k => different.ContainsKey(k.Name));
            known.AddRange(different.Select(d => Of(d.Key, d.Value.Before, d.Value.Now)));
        }
        known.Sort((a, b) => a.Name.AsSpan().SequenceCompareTo(b.Name));
        int kept = 0; // what changed in both trees was found twice
        for (int i = 0; i < known.Count; i++)
        {
            if (i == 0 || !known[i].Name.AsSpan().SequenceEqual(known[kept - 1].Name))
                known[kept++] = known[i];
        }
        known.RemoveRange(kept, known.Count - kept);
        return known;
    }

    /// <inheritdoc/>
    public bool MayDiffer(ulong inode) => _changed.ContainsKey(inode) || _names.ContainsKey(inode);

    /// <summary>Adds what changed in the new tree after a transaction; false: too much.</summary>
    /// <param name="after">The transaction in which the two trees were one.</param>
    /// <param name="cancellationToken">Ends it early.</param>
    internal bool TryAddNew(ulong after, CancellationToken cancellationToken) => TryAdd(now, before, after, cancellationToken);

    /// <summary>Adds what changed in the old tree after a transaction, as it does if it was made writable again; false: too much.</summary>
    /// <param name="after">The transaction in which the two trees were one.</param>
    /// <param name="cancellationToken">Ends it early.</param>
    internal bool TryAddOld(ulong after, CancellationToken cancellationToken) => TryAdd(before, now, after, cancellationToken);

    private bool TryAdd(FileDescriptor root, FileDescriptor other, ulong after, CancellationToken cancellationToken)
    {
        if (BtrfsScan.Run(root, other, root == before, after, MaxInodes, cancellationToken) is not { } parts)
            return false;
        var found = new Queue<ulong>();
        foreach (var part in parts)
        {
            foreach (var (inode, what) in part.Changed)
                _changed.TryAdd(inode, what);
        }
        if (_changed.Count > MaxInodes)
            return false;
        foreach (var part in parts)
        {
            foreach (var (directory, name, inode) in part.Names)
                Add(directory, name, inode, found);
            foreach (ulong inode in part.Unnamed)
                found.Enqueue(inode);
        }
        while (found.TryDequeue(out ulong inode))
        {
            cancellationToken.ThrowIfCancellationRequested();
            FindNames(root, inode, found);
        }
        return true;
    }

    private void FindNames(FileDescriptor root, ulong inode, Queue<ulong> found)
    {
        if (inode == BtrfsCalls.RootInode)
            return;
        var first = new BtrfsKey(inode, BtrfsTreeSearch.InodeReference, 0);
        var last = new BtrfsKey(inode, BtrfsTreeSearch.InodeExtendedReference, ulong.MaxValue);
        // A directory has one name. Those that are asked for only because something is below them did not change.
        using var search = new BtrfsTreeSearch(root, 0, first, last, onlyFirst: !_changed.TryGetValue(inode, out var what) || what.IsDirectory);
        while (search.MoveNext())
        {
            foreach (var (directory, name) in BtrfsNames.In(search.Key, search.Data))
                Add(directory, name, inode, found);
        }
    }

    private void Add(ulong directory, byte[] name, ulong inode, Queue<ulong> found)
    {
        if (!_names.TryGetValue(directory, out var names))
        {
            _names.Add(directory, names = []);
            if (!_changed.ContainsKey(directory)) // then it is, or was, in the queue by itself
                found.Enqueue(directory);
        }
        names.Add((name, inode));
    }

    /// <summary>What is known of a name that both trees have.</summary>
    private ScopedName Of(byte[] name, ulong inode) =>
        !_changed.TryGetValue(inode, out var what) ? new ScopedName(name, NameFinding.Same, inode, IsDirectory: true) // something is below it
        : what.Finding == NameFinding.Unknown ? new ScopedName(name)
        : new ScopedName(name, what.Finding, inode, what.IsDirectory);

    /// <summary>What is known of a name that is not the same in both.</summary>
    private ScopedName Of(byte[] name, BtrfsDirectoryNames.Side old, BtrfsDirectoryNames.Side made)
    {
        bool certain = (!old.Exists || old.Inode > 0) && (!made.Exists || made.Inode > 0);
        if (!certain || (old.Exists && made.Exists && (old.Inode != made.Inode || !_changed.ContainsKey(old.Inode))))
            return new ScopedName(name);
        return !made.Exists ? new ScopedName(name, NameFinding.Deleted)
            : !old.Exists ? new ScopedName(name, NameFinding.Added, 0, made.IsDirectory)
            : Of(name, made.Inode);
    }
}
