namespace Strata.Drivers;

/// <summary>Something that is wrong with a layer.</summary>
/// <param name="What">What is wrong, and where.</param>
/// <param name="Repaired">True: it was, and is no more.</param>
/// <param name="Advice">What to do.</param>
public sealed record LayerProblem(string What, bool Repaired, string Advice);
