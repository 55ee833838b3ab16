namespace Strata;

/// <summary>What kind of failure a caller is looking at. Callers branch on this, never on text.</summary>
/// <remarks>The kinds map one to one to the codes of containerd's errdefs and of gRPC.</remarks>
public enum ErrorKind
{
    /// <summary>A bug or an error that none of the other kinds describes.</summary>
    Unknown = 0,

    /// <summary>The thing that was named does not exist.</summary>
    NotFound,

    /// <summary>The name or ID is in use.</summary>
    AlreadyExists,

    /// <summary>The input is malformed; repeating the call can't succeed.</summary>
    InvalidArgument,

    /// <summary>The input is fine, but the state forbids it: a layer in use, a busy mount, a store of another version.</summary>
    FailedPrecondition,

    /// <summary>The kernel, the file system or this program can't do it.</summary>
    NotSupported,

    /// <summary>The caller may not do it.</summary>
    PermissionDenied,

    /// <summary>Disk, inodes, quota, memory or a configured limit is used up.</summary>
    Exhausted,

    /// <summary>Data does not match its digest, or a structure is broken.</summary>
    Corrupt,

    /// <summary>It may work later: a lock is held, a service does not answer.</summary>
    Unavailable,
}
