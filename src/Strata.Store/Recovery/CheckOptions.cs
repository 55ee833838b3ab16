namespace Strata.Store;

/// <summary>How a store is checked.</summary>
public sealed record CheckOptions
{
    /// <summary>Each layer's tar is read, or rebuilt, and hashed against its diff ID.</summary>
    public bool Deep { get; init; }

    /// <summary>What can be made again is made again, layers that are damaged are fetched again, and what nothing names is removed. No layer, image or writable layer that has a name is ever removed.</summary>
    public bool Repair { get; init; }

    /// <summary>
    /// Docker's data root is gone for good: with <see cref="Repair"/> all of Docker's layers are removed. Refused while Docker's records are there. Without it the
    /// check compares Docker's layers with these records, and repairing removes those that Docker does not know, if it does not run.
    /// </summary>
    public bool DockerIsGone { get; init; }

    /// <summary>How many layers are read at once; 0: one for each core, two at least.</summary>
    public int Workers { get; init; }

    /// <summary>Where damaged layers may be had again, asked in this order.</summary>
    public IReadOnlyList<LayerFinder> Finders { get; init; } = [];

    /// <summary>Told of what was done, or null.</summary>
    public IProgress<ProgressReport>? Progress { get; init; }
}
