namespace Strata.Store;

/// <summary>An image to be added, whose layers are there.</summary>
public sealed record ImageInput
{
    /// <summary>Its manifest, as it is. Kept.</summary>
    public required ReadOnlyMemory<byte> Manifest { get; init; }

    /// <summary>Its config, as it is. Kept.</summary>
    public required ReadOnlyMemory<byte> Config { get; init; }

    /// <summary>Its topmost layer; null: it has none.</summary>
    public ChainId? TopLayer { get; init; }

    /// <summary>Its names. A name that another image has moves to this one.</summary>
    public IReadOnlyList<string> Names { get; init; } = [];

    /// <summary>It comes from a shared store, without a name.</summary>
    internal bool IsBorrowed { get; init; }

    /// <summary>For which platform it is, to be shown and searched; null: not known.</summary>
    public string? Platform { get; init; }
}
