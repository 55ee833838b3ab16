namespace Strata.Oci;

/// <summary>One step by which an image was made, as its config tells it.</summary>
/// <param name="Created">When, as it says; null: it does not.</param>
/// <param name="CreatedBy">By which command; null: it does not say.</param>
/// <param name="Comment">A comment, or null.</param>
/// <param name="Author">Who made it, or null.</param>
/// <param name="EmptyLayer">True: it made no layer.</param>
public sealed record HistoryEntry(string? Created, string? CreatedBy, string? Comment, string? Author, bool EmptyLayer);
