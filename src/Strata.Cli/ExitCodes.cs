namespace Strata.Cli;

/// <summary>What the process ends with, so that scripts can tell failures apart (docs/guide/command-line.md).</summary>
internal static class ExitCodes
{
    internal const int Ok = 0;
    internal const int Failed = 1;
    internal const int Usage = 2;
    internal const int Cancelled = 130;

    internal static int Of(ErrorKind kind) => kind switch
    {
        ErrorKind.InvalidArgument => Usage,
        ErrorKind.NotFound => 3,
        ErrorKind.AlreadyExists => 4,
        ErrorKind.FailedPrecondition => 5,
        ErrorKind.NotSupported => 6,
        ErrorKind.PermissionDenied => 7,
        ErrorKind.Exhausted => 8,
        ErrorKind.Corrupt => 9,
        ErrorKind.Unavailable => 10,
        _ => Failed,
    };
}
