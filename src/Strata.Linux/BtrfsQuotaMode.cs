namespace Strata.Linux;

/// <summary>The kinds of quotas that a btrfs can have.</summary>
public enum BtrfsQuotaMode
{
    /// <summary>None.</summary>
    Off,

    /// <summary>Quota groups: what is shared is followed through all snapshots, which costs.</summary>
    Full,

    /// <summary>Simple quotas: each extent counts for the subvolume that it was made in.</summary>
    Simple,
}
