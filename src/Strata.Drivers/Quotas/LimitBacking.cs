namespace Strata.Drivers.Quotas;

/// <summary>What keeps a writable layer within its limits.</summary>
internal enum LimitBacking
{
    /// <summary>A project quota of the file system that holds the layer.</summary>
    Project,

    /// <summary>A file system of its own, in a sparse file.</summary>
    Loop,
}
