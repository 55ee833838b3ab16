namespace Strata.Api;

/// <summary>What an item was that was removed.</summary>
internal enum RemovedKind
{
    /// <summary>A writable layer.</summary>
    Writable,

    /// <summary>One of several names of an image, which stays.</summary>
    Name,

    /// <summary>An image, and the layers that nothing else used.</summary>
    Image,

    /// <summary>A layer.</summary>
    Layer,

    /// <summary>A row of the metadata that could not be read.</summary>
    DamagedRow,
}
