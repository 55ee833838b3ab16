namespace Strata.Store;

/// <summary>What a collection removed, or would remove.</summary>
public sealed record CollectReport
{
    /// <summary>The layers, the topmost first, and what each took on disk.</summary>
    public required IReadOnlyList<(LayerRecord Layer, Usage Usage)> Layers { get; init; }

    /// <summary>The images without a name.</summary>
    public required IReadOnlyList<ImageRecord> Images { get; init; }

    /// <summary>The documents that no image names.</summary>
    public required IReadOnlyList<(Digest Digest, Usage Usage)> Documents { get; init; }

    /// <summary>The paths of what was being deleted or made by processes that are no more, and what each took.</summary>
    public required IReadOnlyList<(string Path, Usage Usage)> Leftovers { get; init; }

    /// <summary>The leases that have ended.</summary>
    public required IReadOnlyList<string> EndedLeases { get; init; }

    /// <summary>What could not be removed, and why: it stays for the next time.</summary>
    public required IReadOnlyList<Finding> Failures { get; init; }

    /// <summary>All that they took together.</summary>
    public Usage Total
    {
        get
        {
            var all = Layers.Select(l => l.Usage).Concat(Documents.Select(d => d.Usage)).Concat(Leftovers.Select(l => l.Usage));
            return all.Aggregate(new Usage(0, 0), (sum, next) => new Usage(sum.SizeBytes + next.SizeBytes, sum.Inodes + next.Inodes));
        }
    }
}
