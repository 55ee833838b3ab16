namespace Strata.Formats.Layers;

/// <summary>What a name in a layer says by OCI's rules.</summary>
public enum WhiteoutName
{
    /// <summary>It is just a name.</summary>
    Ordinary,

    /// <summary><c>.wh.NAME</c>: NAME is removed.</summary>
    Whiteout,

    /// <summary><c>.wh..wh..opq</c>: its directory is opaque.</summary>
    Opaque,

    /// <summary><c>.wh..wh.…</c>: a file of aufs's own, no part of the layer.</summary>
    AufsMetadata,

    /// <summary><c>.wh.</c>, <c>.wh..</c>, <c>.wh...</c>: removes nothing that could exist.</summary>
    Malformed,
}
