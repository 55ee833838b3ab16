namespace Strata.Drivers.Erofs;

/// <summary>One directory of an overlay's stack.</summary>
/// <param name="Kind">What it is.</param>
/// <param name="Id">The layer; of a chain its topmost one.</param>
/// <param name="Chain">The layers of a chain, nearest first; else that one.</param>
/// <param name="Devices">The files that its index points into; null: not looked up yet.</param>
internal readonly record struct Lower(LowerKind Kind, LayerId Id, IReadOnlyList<LayerId> Chain, IReadOnlyList<string>? Devices = null);

/// <summary>What a directory of an overlay's stack is.</summary>
internal enum LowerKind
{
    /// <summary>The directory of a layer that is no tar.</summary>
    Directory,

    /// <summary>The index of one layer, mounted.</summary>
    Index,

    /// <summary>One index of several layers, mounted.</summary>
    Chain,
}
