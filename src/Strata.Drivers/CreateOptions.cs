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
}
