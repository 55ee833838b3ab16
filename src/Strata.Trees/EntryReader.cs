using Strata.Linux;

namespace Strata.Trees;

/// <summary>Reads an object on disk as an entry, all its metadata included.</summary>
/// <param name="map">What its attributes are called in a layer.</param>
/// <param name="useOverrides">True: owner, mode and type come from the override attribute where there is one.</param>
/// <param name="owners">What is read has the owners outside of a user namespace, and those inside are told; null: as they are. The status is given so already.</param>
public sealed class EntryReader(XattrMap map, bool useOverrides, OwnerMap? owners = null)
{
    // Every file that overlayfs copied up has attributes of its own: their values need not be read.
    private readonly Predicate<ReadOnlySpan<byte>> _wanted = name => !map(name).IsEmpty || ((useOverrides || !ProcessCalls.IsInitialNamespace) && name.SequenceEqual(StatOverride.AttributeName));

    /// <summary>
    /// Leaves out what belongs to the host: SELinux's labels, everything in <c>system.</c> but access lists, and the second names under which xfs
    /// shows these to root.
    /// </summary>
    public static ReadOnlySpan<byte> HostIndependent(ReadOnlySpan<byte> name) =>
        name.SequenceEqual("security.selinux"u8) || name.StartsWith("trusted.SGI_ACL_"u8) || (name.StartsWith("system."u8) && !name.StartsWith("system.posix_acl_"u8)) ? default : name;

    /// <summary>Reads an object.</summary>
    /// <param name="directory">Its directory.</param>
    /// <param name="name">Its name; <c>.</c> for the directory itself.</param>
    /// <param name="status">Its status.</param>
    /// <param name="path">Where it stands.</param>
    public LayerEntry Read(int directory, ReadOnlySpan<byte> name, FileStatus status, EntryPath path) =>
        Read(directory, name, status, path, AttributeSummary.Unknown);

    /// <summary>Reads an object of whose attributes something is known already.</summary>
    internal LayerEntry Read(int directory, ReadOnlySpan<byte> name, in FileStatus status, EntryPath path, AttributeSummary attributes)
    {
        StatOverride? over = null;
        var xattrs = attributes.OfLayer ? ReadXattrs(directory, name, out over) : [];
        var kind = KindOf(status);
        byte[]? target = null;
        if (kind == EntryKind.Symlink && NameCalls.TryReadLink(directory, name, out target) is var errno && errno != Errno.None)
            throw new LinuxException(errno, "readlinkat", path.ToString());
        if (over is { } o)
        {
            return new LayerEntry
            {
                Path = path,
                Kind = o.Kind ?? kind,
                Mode = useOverrides ? o.Mode : status.Permissions,
                Uid = useOverrides ? o.Uid : status.Uid,
                Gid = useOverrides ? o.Gid : status.Gid,
                Mtime = status.Mtime,
                SizeBytes = (o.Kind ?? kind) == EntryKind.RegularFile ? status.SizeBytes : 0,
                LinkTarget = target,
                DeviceMajor = o.Major,
                DeviceMinor = o.Minor,
                Xattrs = xattrs,
            };
        }
        bool device = kind is EntryKind.CharDevice or EntryKind.BlockDevice;
        return new LayerEntry
        {
            Path = path,
            Kind = kind,
            Mode = kind == EntryKind.Symlink ? 0x1FF : status.Permissions,
            Uid = useOverrides ? 0 : status.Uid,
            Gid = useOverrides ? 0 : status.Gid,
            Mtime = status.Mtime,
            SizeBytes = kind == EntryKind.RegularFile ? status.SizeBytes : 0,
            LinkTarget = target,
            DeviceMajor = device ? status.RdevMajor : 0,
            DeviceMinor = device ? status.RdevMinor : 0,
            Xattrs = xattrs,
        };
    }

    /// <summary>What the list of an object's attributes tells. One call.</summary>
    /// <param name="directory">Its directory.</param>
    /// <param name="name">Its name; <c>.</c> for the directory itself.</param>
    /// <param name="marks">The driver's marks, or null.</param>
    internal AttributeSummary Summarize(int directory, ReadOnlySpan<byte> name, IMarkReader? marks)
    {
        Span<byte> list = stackalloc byte[256];
        if (XattrCalls.TryListAt(directory, name, list, out int length) != Errno.None)
            return AttributeSummary.Unknown; // many, or an error that reading them will tell
        bool ofLayer = false, marked = false;
        for (var names = list[..length]; !names.IsEmpty;)
        {
            int end = names.IndexOf((byte)0);
            ofLayer = ofLayer || _wanted(names[..end]);
            marked = marked || (marks?.IsMark(names[..end]) ?? false);
            names = names[(end + 1)..];
        }
        return new AttributeSummary(ofLayer, marked);
    }

    /// <summary>The attributes as a layer has them.</summary>
    internal IReadOnlyList<Xattr> ReadXattrs(int directory, ReadOnlySpan<byte> name, out StatOverride? over)
    {
        over = null;
        var all = XattrCalls.GetAll(directory, name, _wanted);
        if (all.Count == 0)
            return all;
        var kept = new List<Xattr>(all.Count);
        foreach (var xattr in all)
        {
            // In a user namespace devices, and only they, have stand-ins.
            if ((useOverrides || !ProcessCalls.IsInitialNamespace) && xattr.Name.AsSpan().SequenceEqual(StatOverride.AttributeName)
                && StatOverride.TryParse(xattr.Value, out var parsed) && (useOverrides || parsed.Kind is EntryKind.CharDevice or EntryKind.BlockDevice))
                over = parsed;
            else if (map(xattr.Name) is { IsEmpty: false } mapped)
                kept.Add(mapped == xattr.Name && owners is null ? xattr : new Xattr(mapped.ToArray(), owners?.ToContainer(mapped, xattr.Value) ?? xattr.Value));
        }
        kept.Sort((a, b) => a.Name.AsSpan().SequenceCompareTo(b.Name));
        return kept;
    }

    private static EntryKind KindOf(FileStatus status) => status.Type switch
    {
        NameCalls.TypeDirectory => EntryKind.Directory,
        NameCalls.TypeSymlink => EntryKind.Symlink,
        NameCalls.TypeCharDevice => EntryKind.CharDevice,
        NameCalls.TypeBlockDevice => EntryKind.BlockDevice,
        NameCalls.TypeFifo => EntryKind.Fifo,
        NameCalls.TypeSocket => EntryKind.Socket,
        _ => EntryKind.RegularFile,
    };
}
