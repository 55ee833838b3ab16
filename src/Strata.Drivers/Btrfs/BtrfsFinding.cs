using Strata.Trees;

namespace Strata.Drivers.Btrfs;

/// <summary>What is known of an inode that changed.</summary>
/// <param name="Finding">How, where it has a name in both trees.</param>
/// <param name="IsDirectory">It is a directory. Not told of an inode that must be looked at.</param>
internal readonly record struct BtrfsFinding(NameFinding Finding, bool IsDirectory);
