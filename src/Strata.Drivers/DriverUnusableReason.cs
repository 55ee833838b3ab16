namespace Strata.Drivers;

/// <summary>Why a driver can't serve.</summary>
public enum DriverUnusableReason
{
    /// <summary>There is no such driver, or the kernel lacks it.</summary>
    NotSupported,

    /// <summary>Something that it needs is missing.</summary>
    Prerequisites,

    /// <summary>It can't work on this file system.</summary>
    IncompatibleFileSystem,
}
