namespace Strata.Trees;

/// <summary>Where two trees can differ, known without looking at them: for trees in which what is common has the same inode numbers, as snapshots have.</summary>
/// <remarks>
/// A comparer that has one looks only where it says, and decides by itself what differs there unless the scope knows it: too much costs time, too little hides a change.
/// What a scope knows is not asked again, so it must be what comparing with the options given would find.
/// </remarks>
public interface ITreeScope
{
    /// <summary>The names in a directory at which something can differ, sorted by their bytes; null: names may have come or gone, so all must be looked at.</summary>
    /// <param name="directoryInode">The directory's inode number, the same in both trees.</param>
    IReadOnlyList<ScopedName>? NamesIn(ulong directoryInode);

    /// <summary>False: what has this inode number in both trees is the same in both, and so is all below it.</summary>
    bool MayDiffer(ulong inode);
}
