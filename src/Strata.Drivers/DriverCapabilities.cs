namespace Strata.Drivers;

/// <summary>What callers may build on.</summary>
public sealed record DriverCapabilities
{
    /// <summary>Diff gives an applied layer back byte for byte, so that nothing need be recorded to rebuild it.</summary>
    public bool ReproducesExactDiffs { get; init; }

    /// <summary>ApplyDiff does not read the parents' content, so that the layers of an image can be applied at the same time.</summary>
    public bool AppliesWithoutParent { get; init; }

    /// <summary>Get of a layer that has a parent mounts something, which needs privileges.</summary>
    public bool NeedsMounts { get; init; }

    /// <summary>Files keep extended attributes. False: a layer that has some can't be applied.</summary>
    public bool KeepsXattrs { get; init; } = true;
}
