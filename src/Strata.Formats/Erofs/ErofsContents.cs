namespace Strata.Formats.Erofs;

/// <summary>What a check found in an image.</summary>
/// <param name="Entries">How many names there are, the root included.</param>
/// <param name="Inodes">How many inodes they have.</param>
/// <param name="ContentBytes">The files' data, holes left out.</param>
public sealed record ErofsContents(long Entries, long Inodes, long ContentBytes);
