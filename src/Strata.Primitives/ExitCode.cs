namespace Strata;

/// <summary>What a program ends with for each kind of error, so that scripts can tell failures apart (docs/guide/command-line.md).</summary>
public static class ExitCode
{
    /// <summary>The number of a kind. 0 is success, and no kind's.</summary>
    public static int Of(ErrorKind kind) => kind switch
    {
        ErrorKind.InvalidArgument => 2,
        ErrorKind.NotFound => 3,
        ErrorKind.AlreadyExists => 4,
        ErrorKind.FailedPrecondition => 5,
        ErrorKind.NotSupported => 6,
        ErrorKind.PermissionDenied => 7,
        ErrorKind.Exhausted => 8,
        ErrorKind.Corrupt => 9,
        ErrorKind.Unavailable => 10,
        _ => 1,
    };
}
