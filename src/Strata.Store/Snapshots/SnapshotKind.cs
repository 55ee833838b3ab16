namespace Strata.Store;

/// <summary>What a snapshot is: containerd's kinds, and their numbers on its wire.</summary>
public enum SnapshotKind
{
    /// <summary>To be looked at only. Ends by being removed.</summary>
    View = 1,

    /// <summary>To be written to. Becomes <see cref="Committed"/>, under another key, or is removed.</summary>
    Active = 2,

    /// <summary>Never changed any more; what others are made on.</summary>
    Committed = 3,
}
