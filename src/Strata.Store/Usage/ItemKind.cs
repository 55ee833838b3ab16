namespace Strata.Store;

/// <summary>What an <see cref="ItemUsage"/> is of.</summary>
public enum ItemKind
{
    /// <summary>An image.</summary>
    Image,

    /// <summary>A layer.</summary>
    Layer,

    /// <summary>A writable layer.</summary>
    Writable,
}
