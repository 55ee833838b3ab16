namespace Strata.Store;

/// <summary>Something that a check found.</summary>
/// <param name="Subject">What it is about: a layer, by its chain ID; an image; a file.</param>
/// <param name="Problem">What is wrong.</param>
/// <param name="Repaired">True: it was, and is no more.</param>
/// <param name="Advice">What to do.</param>
public sealed record Finding(string Subject, string Problem, bool Repaired, string Advice)
{
    /// <summary>Whether something is damaged, or only in the way.</summary>
    public FindingKind Kind { get; init; }

    /// <summary>What it takes on disk; -1: nothing, or not known.</summary>
    public long SizeBytes { get; init; } = -1;
}
