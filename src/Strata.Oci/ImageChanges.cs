namespace Strata.Oci;

/// <summary>What a new image says beside its layers.</summary>
public sealed record ImageChanges
{
    /// <summary>Changes of its config, made one after the other.</summary>
    public IReadOnlyList<ConfigChange> Config { get; init; } = [];

    /// <summary>Who made it; null: nothing is said.</summary>
    public string? Author { get; init; }

    /// <summary>What is to be said of it in its history; null: nothing.</summary>
    public string? Message { get; init; }
}
