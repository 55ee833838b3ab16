namespace Strata.Daemon;

/// <summary>What the process ends with: the numbers of <c>strata</c> (docs/guide/command-line.md).</summary>
internal static class ExitCodes
{
    internal const int Ok = 0;

    internal static int Of(ErrorKind kind) => kind switch
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
