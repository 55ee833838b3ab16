namespace Strata.Linux;

/// <summary>Whether something is mounted at a path, by one call (STATX_ATTR_MOUNT_ROOT, Linux 5.8).</summary>
public static class MountPoints
{
    /// <summary>True if the path is the root of a mount; false also if it is not there.</summary>
    public static bool Is(string path) => AttributeCalls.FindStatus(path) is { IsMountRoot: true };
}
