using Strata.Linux;

namespace Strata.Trees;

/// <summary>User namespaces that stand for mappings of IDs: for idmapped mounts the kernel wants a mapping in this form. Each is made once a process.</summary>
public static class UserNamespaces
{
    private const int MostKept = 64;
    private static readonly Lock Gate = new();
    private static readonly Dictionary<IdMapping, FileDescriptor> Made = [];

    /// <summary>The namespace of a mapping. Stays this class's; nobody lives in it.</summary>
    /// <exception cref="StrataException">PermissionDenied, Exhausted, InvalidArgument: the kernel does not give one.</exception>
    public static FileDescriptor Of(IdMapping mapping)
    {
        lock (Gate)
        {
            if (Made.TryGetValue(mapping, out var known))
                return known;
            if (Made.Count >= MostKept)
                Made.Clear(); // who uses one has it; the rest are closed when they are collected
            var made = Make(mapping);
            Made.Add(mapping, made);
            return made;
        }
    }

    /// <summary>The lines of <c>uid_map</c> or <c>gid_map</c> for ranges.</summary>
    public static string LinesOf(IReadOnlyList<IdRange> ranges) => string.Concat(ranges.Select(r => FormattableString.Invariant($"{r.Container} {r.Host} {r.Size}\n")));

    private static FileDescriptor Make(IdMapping mapping)
    {
        var errno = UserNamespaceCalls.TryMake(withMounts: false, process => Write(process, mapping), out var user, out _);
        return errno switch
        {
            Errno.None => user!,
            Errno.ENOSPC or Errno.EUSERS => throw StrataException.Exhausted("Can't make a user namespace: there are as many as /proc/sys/user/max_user_namespaces allows. Raise it.", new LinuxException(errno, "clone")),
            Errno.EPERM => throw StrataException.PermissionDenied("Can't make a user namespace: this machine forbids it (kernel.unprivileged_userns_clone, AppArmor or seccomp).", new LinuxException(errno, "clone")),
            Errno.EINVAL => throw StrataException.NotSupported("Can't make a user namespace: this kernel has none (CONFIG_USER_NS).", new LinuxException(errno, "clone")),
            _ => throw new LinuxException(errno, "clone", "a user namespace"),
        };
    }

    private static void Write(int process, IdMapping mapping)
    {
        Check(UserNamespaceCalls.TryWriteMap(process, "uid_map", LinesOf(mapping.Users)), mapping.Users);
        Check(UserNamespaceCalls.TryWriteMap(process, "gid_map", LinesOf(mapping.Groups)), mapping.Groups);
    }

    private static void Check(Errno errno, IReadOnlyList<IdRange> ranges)
    {
        if (errno == Errno.None)
            return;
        string what = $"The kernel does not take the ID mapping {string.Join(", ", ranges)}";
        var cause = new LinuxException(errno, "write", "uid_map");
        throw errno == Errno.EPERM
            ? StrataException.PermissionDenied($"{what}: mapping others' IDs needs root (CAP_SETUID, CAP_SETGID), and in a user namespace they must be among its own.", cause)
            : StrataException.InvalidArgument($"{what}: ranges must not overlap nor end past the last ID.", cause);
    }
}
