namespace Strata.Trees;

/// <summary>What an extended attribute on disk is called in a layer; empty: it is the driver's or the host's own and no part of the layer.</summary>
public delegate ReadOnlySpan<byte> XattrMap(ReadOnlySpan<byte> name);
