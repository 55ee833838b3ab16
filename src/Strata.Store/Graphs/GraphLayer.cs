namespace Strata.Store;

/// <summary>A layer as its owner names it.</summary>
/// <param name="Id">The owner's ID.</param>
/// <param name="Parent">The owner's ID of the layer below, or null.</param>
/// <param name="Writable">True: made to be written to, as a container's.</param>
/// <param name="Content">What was applied to it.</param>
/// <param name="Layer">The layer of the store that it is, if it was applied onto one that is known.</param>
/// <param name="Created">When it was made.</param>
public sealed record GraphLayer(string Id, string? Parent, bool Writable, GraphContent Content, ChainId? Layer, DateTimeOffset Created)
{
    /// <summary>The driver's layer.</summary>
    internal LayerId DriverId { get; init; }

    /// <summary>The uncompressed tar that was applied, or null.</summary>
    internal DiffId? DiffId { get; init; }

    /// <summary>By which IDs outside of a user namespace its owners are kept; null: as they are.</summary>
    internal IdMapping? IdMapping { get; init; }
}
