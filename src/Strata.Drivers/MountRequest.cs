namespace Strata.Drivers;

/// <summary>How a layer is wanted mounted.</summary>
/// <param name="ReadOnly">True: nothing can be written, and the layer needs no upper directory.</param>
/// <param name="MountLabel">An SELinux label, or null.</param>
public readonly record struct MountRequest(bool ReadOnly = false, string? MountLabel = null);
