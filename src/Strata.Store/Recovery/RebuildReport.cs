namespace Strata.Store;

/// <summary>What was made again of a store's metadata.</summary>
public sealed record RebuildReport
{
    /// <summary>How many layers have a name again.</summary>
    public required int Layers { get; init; }

    /// <summary>How many images.</summary>
    public required int Images { get; init; }

    /// <summary>How many writable layers.</summary>
    public required int Writable { get; init; }

    /// <summary>How many layers of an owner who names them himself: Docker's.</summary>
    public required int GraphLayers { get; init; }

    /// <summary>What lies on disk and could not be placed, and why.</summary>
    public required IReadOnlyList<(string Subject, string Why)> Unplaced { get; init; }

    /// <summary>Where the metadata of before was put; null: there was none.</summary>
    public required string? KeptAside { get; init; }
}
