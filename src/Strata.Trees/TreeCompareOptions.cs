namespace Strata.Trees;

/// <summary>How two trees are compared.</summary>
public sealed record TreeCompareOptions
{
    /// <summary>
    /// Set: the new tree holds only what changed, and this reads its marks. Null: it is whole, and what it lacks was removed.
    /// </summary>
    public IMarkReader? Marks { get; init; }

    /// <summary>The whole new tree, asked for only where the marks say that something lies elsewhere. Stays the giver's.</summary>
    public Func<RootDirectory>? WholeNewTree { get; init; }

    /// <summary>Where the trees can differ, both of them whole; null: anywhere.</summary>
    public ITreeScope? Scope { get; init; }

    /// <summary>What attributes are called in a layer.</summary>
    public XattrMap Xattrs { get; init; } = EntryReader.HostIndependent;

    /// <summary>The old tree shows the owners outside of a user namespace, and is compared by those inside; null: as they are.</summary>
    public OwnerMap? OldOwners { get; init; }

    /// <summary>The new tree, in the same way: what is found has the owners inside.</summary>
    public OwnerMap? NewOwners { get; init; }

    /// <summary>Owner, mode and type come from the override attribute where there is one.</summary>
    public bool UseOverrides { get; init; }

    /// <summary>Read files whose metadata is equal, too.</summary>
    public bool CompareContents { get; init; }

    /// <summary>A directory is changed, too, if only its modification time is another one.</summary>
    public bool DirectoryTimes { get; init; }
}
