namespace Strata.Store;

/// <summary>IDs that follow each other, inside and outside of a user namespace.</summary>
/// <param name="Container">The first one inside.</param>
/// <param name="Host">The first one outside.</param>
/// <param name="Size">How many.</param>
public readonly record struct IdRange(long Container, long Host, long Size)
{
    /// <summary>CONTAINER:HOST:SIZE.</summary>
    public override string ToString() => FormattableString.Invariant($"{Container}:{Host}:{Size}");
}
