namespace Strata.Drivers;

/// <summary>A driver can't serve here: the three errors that mean "try the next one" when a driver is looked for.</summary>
public sealed class DriverUnusableException : StrataException
{
    private DriverUnusableException(DriverUnusableReason reason, string sentinel, string driver, string why)
        : base(ErrorKind.NotSupported, $"{sentinel}: {driver}: {why}") => (Reason, Driver) = (reason, driver);

    /// <summary>Which of the three it is.</summary>
    public DriverUnusableReason Reason { get; }

    /// <summary>The driver.</summary>
    public string Driver { get; }

    /// <summary>Docker's <c>ErrNotSupported</c>: the kernel or this program has no such driver.</summary>
    public static DriverUnusableException NotSupported(string driver, string why) =>
        new(DriverUnusableReason.NotSupported, "driver not supported", driver, why);

    /// <summary>Docker's <c>ErrPrerequisites</c>: something that it needs is missing.</summary>
    public static DriverUnusableException Prerequisites(string driver, string why) =>
        new(DriverUnusableReason.Prerequisites, "prerequisites for driver not satisfied (wrong filesystem?)", driver, why);

    /// <summary>Docker's <c>ErrIncompatibleFS</c>: it can't work on the file system that holds the root.</summary>
    public static DriverUnusableException IncompatibleFileSystem(string driver, string why) =>
        new(DriverUnusableReason.IncompatibleFileSystem, "backing file system is unsupported for this graph driver", driver, why);
}
