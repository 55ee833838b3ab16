namespace Strata;

/// <summary>The one exception that crosses the public doors of this library.</summary>
/// <remarks>
/// The message says what was attempted, on what, why it failed, and what to do. <see cref="Kind"/> is what callers branch on.
/// </remarks>
public class StrataException : Exception
{
    /// <summary>Makes an exception.</summary>
    /// <param name="kind">What kind of failure it is.</param>
    /// <param name="message">What was attempted, on what, why it failed, what to do.</param>
    /// <param name="inner">The cause, or null.</param>
    public StrataException(ErrorKind kind, string message, Exception? inner = null)
        : base(message, inner) => Kind = kind;

    /// <summary>What kind of failure it is.</summary>
    public ErrorKind Kind { get; }

    /// <summary>Something that was named does not exist.</summary>
    public static StrataException NotFound(string message, Exception? inner = null) => new(ErrorKind.NotFound, message, inner);

    /// <summary>A name or ID is in use.</summary>
    public static StrataException AlreadyExists(string message, Exception? inner = null) => new(ErrorKind.AlreadyExists, message, inner);

    /// <summary>The input is malformed.</summary>
    public static StrataException InvalidArgument(string message, Exception? inner = null) => new(ErrorKind.InvalidArgument, message, inner);

    /// <summary>The state forbids it.</summary>
    public static StrataException FailedPrecondition(string message, Exception? inner = null) =>
        new(ErrorKind.FailedPrecondition, message, inner);

    /// <summary>The kernel, the file system or this program can't do it.</summary>
    public static StrataException NotSupported(string message, Exception? inner = null) => new(ErrorKind.NotSupported, message, inner);

    /// <summary>The caller may not do it.</summary>
    public static StrataException PermissionDenied(string message, Exception? inner = null) => new(ErrorKind.PermissionDenied, message, inner);

    /// <summary>A resource or a configured limit is used up.</summary>
    public static StrataException Exhausted(string message, Exception? inner = null) => new(ErrorKind.Exhausted, message, inner);

    /// <summary>Data does not match its digest, or a structure is broken.</summary>
    public static StrataException Corrupt(string message, Exception? inner = null) => new(ErrorKind.Corrupt, message, inner);

    /// <summary>It may work later.</summary>
    public static StrataException Unavailable(string message, Exception? inner = null) => new(ErrorKind.Unavailable, message, inner);
}
