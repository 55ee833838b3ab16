namespace Strata;

/// <summary>What a tree takes on disk.</summary>
/// <param name="SizeBytes">Allocated bytes (blocks of 512, as stat(2) counts them), hard links once.</param>
/// <param name="Inodes">Inodes, hard links once, the root included.</param>
public readonly record struct Usage(long SizeBytes, long Inodes);
