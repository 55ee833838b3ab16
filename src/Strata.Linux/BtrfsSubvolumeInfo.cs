namespace Strata.Linux;

/// <summary>What btrfs tells of a subvolume.</summary>
/// <param name="Tree">The number of its tree, which is also that of its qgroup.</param>
/// <param name="Uuid">Its own UUID.</param>
/// <param name="ParentUuid">That of the subvolume that it is a snapshot of; empty: of none.</param>
/// <param name="ChangeTransaction">The transaction in which something in it was last changed.</param>
/// <param name="OriginTransaction">The transaction in which it was made. Whatever it shares with its origin is not younger; whatever changed since is.</param>
public readonly record struct BtrfsSubvolumeInfo(
    ulong Tree, Guid Uuid, Guid ParentUuid, ulong ChangeTransaction, ulong OriginTransaction);
