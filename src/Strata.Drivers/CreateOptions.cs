namespace Strata.Drivers;

/// <summary>How a layer is made: Docker's <c>CreateOpts</c>.</summary>
public sealed record CreateOptions
{
    /// <summary>An SELinux label for the layer's mounts, or null.</summary>
    public string? MountLabel { get; init; }

    /// <summary>Options of this layer's storage, such as <c>size</c>; keys without regard to case.</summary>
    public IReadOnlyDictionary<string, string> StorageOptions { get; init; } = new Dictionary<string, string>();

    /// <summary>
    /// Who owns the root directory of a writable layer over a parent whose files are mounted with other IDs than they have; null: as the parent's. A
    /// driver that hands out one directory ignores it: that is mapped as a whole.
    /// </summary>
    public (uint Uid, uint Gid)? RootOwner { get; init; }

    /// <summary>
    /// How the owners in the layer's files are shown: for the user namespace of a container. What changed is told with the owners inside of it, as
    /// without a mapping. Null: as the parent's, which for all but init layers is none.
    /// </summary>
    public IdMapping? IdMapping { get; init; }

    /// <summary>Told of the bytes that are copied where owners can't be mapped otherwise, or null.</summary>
    public IProgress<ProgressReport>? Progress { get; init; }

    /// <summary>Ends such a copy early; no layer is left then.</summary>
    public CancellationToken Cancellation { get; init; }

    /// <summary>The owners can't be mapped by mounts: what lies below must be copied.</summary>
    internal bool CopiesOwners { get; init; }
}
