namespace Strata.Trees;

/// <summary>A name in a directory at which two trees can differ, and what is known of it without looking.</summary>
/// <param name="Name">The name.</param>
/// <param name="Finding">What is known.</param>
/// <param name="Inode">Its inode number in both trees, if it was modified or is the same; else 0.</param>
/// <param name="IsDirectory">It is a directory now. Told with every finding but <see cref="NameFinding.Unknown"/> and <see cref="NameFinding.Deleted"/>.</param>
public readonly record struct ScopedName(byte[] Name, NameFinding Finding = NameFinding.Unknown, ulong Inode = 0, bool IsDirectory = false);
