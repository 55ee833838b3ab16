using System.Collections.Concurrent;
using Strata.Linux;

namespace Strata.Trees;

/// <summary>Mounts that show other owners than their files have (mount_setattr(2), Linux 5.12; below overlayfs 5.19).</summary>
/// <remarks>
/// In a <see cref="Mount"/>, <c>uidmap=</c> and <c>gidmap=</c> ask for it, each with CONTAINER:HOST:SIZE and several by commas; containerd has the same. They
/// map a bind mount or a file system as a whole; of an overlay, which can't be mapped, the directories in <c>lowerdir=</c>, not those in
/// <c>lowerdir+=</c> nor the upper one, whose files have the owners that the mount shows.
/// </remarks>
public static class IdMappedMounts
{
    internal const string BelowKey = "x-strata.below";
    private const string UserKey = "uidmap=";
    private const string GroupKey = "gidmap=";
    private static readonly ConcurrentDictionary<ulong, string> WhyNot = new();

    [ThreadStatic]
    private static bool _none;

    /// <summary>The options that ask for a mapping.</summary>
    public static string[] OptionsFor(IdMapping mapping) => [UserKey + string.Join(',', mapping.Users), GroupKey + string.Join(',', mapping.Groups)];

    /// <summary>
    /// For an overlay, with a mapping: says that all directories in <c>lowerdir=</c>, and what the links among them lead to, are below a directory with no
    /// mounts between. Then one copy of its mount serves for all, without looking at each.
    /// </summary>
    public static string OptionForBelow(string directory) => $"{BelowKey}={directory}";

    internal static string? FindBelow(Mount mount) =>
        mount.Options.FirstOrDefault(option => option.StartsWith(BelowKey + "=", StringComparison.Ordinal))?[(BelowKey.Length + 1)..];

    /// <summary>The mapping that a mount asks for, or null.</summary>
    /// <exception cref="StrataException">InvalidArgument: it is none.</exception>
    public static IdMapping? FindIn(Mount mount)
    {
        string? users = null, groups = null;
        foreach (string option in mount.Options)
        {
            if (option.StartsWith(UserKey, StringComparison.Ordinal))
                users = option[UserKey.Length..];
            else if (option.StartsWith(GroupKey, StringComparison.Ordinal))
                groups = option[GroupKey.Length..];
        }
        if (users is null && groups is null)
            return null;
        return users is not null && groups is not null
            ? IdMapping.Create([.. users.Split(',').Select(IdRange.ParseOne)], [.. groups.Split(',').Select(IdRange.ParseOne)])
            : throw StrataException.InvalidArgument($"Can't mount {mount.Type}: it maps users or groups, but not both.");
    }

    /// <summary>Opens a directory as a mount of its own that shows mapped owners. Attached nowhere; gone when it is disposed.</summary>
    /// <exception cref="StrataException">NotSupported: the file system or the kernel can't.</exception>
    public static RootDirectory Open(string path, IdMapping mapping) => RootDirectory.AdoptMount(Clone(path, mapping, readOnly: false), path);

    /// <summary>Null: directories of this file system can be mapped below an overlay, or by themselves. Else why not. Asked once for each file system.</summary>
    /// <param name="directory">A directory on it, in which something may be made for a moment.</param>
    /// <param name="overlay">True: below an overlay.</param>
    /// <exception cref="StrataException">Exhausted: there is no room to try it. PermissionDenied: nothing may be made there.</exception>
    public static string? FindObstacle(string directory, bool overlay)
    {
        if (_none)
            return "switched off for a test";
        ulong key = AttributeCalls.FindStatus(directory)?.Device ?? 0;
        string why = WhyNot.GetOrAdd(overlay ? ~key : key, _ => Probe(directory, overlay) ?? "");
        return why.Length == 0 ? null : why;
    }

    /// <summary>For tests: act, on this thread, as a file system that can't.</summary>
    internal static void UseNone(bool on) => _none = on;

    /// <summary>A copy of the mount that a directory lies on, from there on, with mapped owners.</summary>
    internal static FileDescriptor Clone(string path, IdMapping mapping, bool readOnly)
    {
        var errno = MountCalls.TryCopyMount(path, recursive: false, out var copy);
        if (errno != Errno.None)
            throw Failed(errno, "open_tree", path);
        try
        {
            Map(copy!, mapping, path, readOnly);
            return copy!;
        }
        catch
        {
            copy!.Dispose();
            throw;
        }
    }

    /// <summary>Maps the owners of a mount that is attached nowhere yet.</summary>
    internal static void Map(FileDescriptor mount, IdMapping mapping, string shown, bool readOnly = false)
    {
        var errno = MountCalls.TrySetAttributes(
            mount, MountCalls.AttributeIdMap | (readOnly ? MountCalls.AttributeReadOnly : 0UL), 0, recursive: false, UserNamespaces.Of(mapping));
        if (errno != Errno.None)
            throw Failed(errno, "mount_setattr", shown);
    }

    private static string? Probe(string directory, bool overlay)
    {
        string place = Path.Combine(directory, ".strata-probe-" + LayerId.New().ToString()[..8]);
        try
        {
            string[] lowers = [Path.Combine(place, "1"), Path.Combine(place, "2")];
            foreach (string lower in lowers)
                Directory.CreateDirectory(lower);
            var mapping = new IdMapping([new IdRange(0, 0, 1)], [new IdRange(0, 0, 1)]);
            using var seen = overlay
                ? Mounter.MountDetached(new Mount("overlay", "overlay", "", ["ro", "lowerdir=" + string.Join(':', lowers.Select(OverlayPaths.Escape)), .. OptionsFor(mapping)]))
                : Open(lowers[0], mapping);
            return null;
        }
        catch (StrataException e) when (e.Kind != ErrorKind.Exhausted)
        {
            return e.Message.Replace(place, directory, StringComparison.Ordinal);
        }
        catch (Exception e) when (FileErrors.Is(e))
        {
            throw FileErrors.Translate(e, $"Can't try in {directory} whether owners can be mapped");
        }
        finally
        {
            TreeRemover.Remove(place);
        }
    }

    private static StrataException Failed(Errno errno, string call, string path)
    {
        var cause = new LinuxException(errno, call, path);
        return errno switch
        {
            Errno.EINVAL => StrataException.NotSupported($"Can't map the owners of {path}: its file system can't be mounted with mapped IDs (ext4, xfs, btrfs and tmpfs can, from Linux 5.12, 5.12, 5.15 and 6.3 on).", cause),
            Errno.EPERM => StrataException.PermissionDenied($"Can't map the owners of {path}: that needs CAP_SYS_ADMIN where its file system was mounted, which nobody has inside a user namespace.", cause),
            Errno.ENOSYS => StrataException.NotSupported($"Can't map the owners of {path}: this kernel has no {call} (Linux 5.12).", cause),
            _ => cause,
        };
    }
}
