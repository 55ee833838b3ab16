namespace Strata.Formats.Erofs;

/// <summary>What a walk over an image meets.</summary>
/// <param name="Path">Its path.</param>
/// <param name="Inode">Its inode.</param>
/// <param name="Parent">Its directory; the root's is the root.</param>
public readonly record struct ErofsWalkEntry(EntryPath Path, ErofsInode Inode, ErofsNode Parent);
