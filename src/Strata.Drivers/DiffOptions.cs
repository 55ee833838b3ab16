namespace Strata.Drivers;

/// <summary>How changes are found.</summary>
public sealed record DiffOptions
{
    /// <summary>The defaults.</summary>
    public static DiffOptions Default { get; } = new();

    /// <summary>
    /// Compare the contents of files whose metadata is equal, too. Costs a read of both trees. Default: false, as Docker and containerd do:
    /// size, times, mode, owner, device and extended attributes decide.
    /// </summary>
    public bool CompareContents { get; init; }

    /// <summary>
    /// Everything counts that a tree shows: as <see cref="CompareContents"/>, and the times of directories. Applied to the parent, such a diff gives the
    /// layer's tree again.
    /// </summary>
    public bool Exact { get; init; }

    /// <summary>Told of progress, or null.</summary>
    public IProgress<ProgressReport>? Progress { get; init; }
}
