using Strata.Linux;

namespace Strata.Trees;

/// <summary>Gives the framework's file errors the kinds that callers branch on.</summary>
public static class FileErrors
{
    /// <summary>True for what <see cref="Translate"/> takes.</summary>
    public static bool Is(Exception e) => e is IOException or UnauthorizedAccessException;

    /// <summary>The error as one of ours; its message keeps the path that the framework names.</summary>
    /// <param name="e">An IOException or UnauthorizedAccessException.</param>
    /// <param name="what">What was attempted: <c>Can't unpack the layers</c>.</param>
    public static StrataException Translate(Exception e, string what)
    {
        ArgumentNullException.ThrowIfNull(e);
        // On Unix the framework puts errno there as it is; its own errors, such as a stream's early end, have COM numbers above it.
        var kind = e switch
        {
            UnauthorizedAccessException => ErrorKind.PermissionDenied,
            FileNotFoundException or DirectoryNotFoundException => ErrorKind.NotFound,
            EndOfStreamException => ErrorKind.Corrupt,
            _ when e.HResult is > 0 and < 4096 => LinuxException.KindOf((Errno)e.HResult),
            _ => ErrorKind.Unknown,
        };
        string advice = kind == ErrorKind.Exhausted ? " Free some space or inodes and try again." : "";
        return new StrataException(kind, $"{what}: {e.Message}.{advice}", e);
    }
}
