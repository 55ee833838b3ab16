using System.Buffers.Binary;
using Strata.Linux;

namespace Strata.Trees;

/// <summary>The owners in a tree, translated into a user namespace and out of it: of files, in POSIX access lists, and of file capabilities.</summary>
/// <remarks>
/// Sources: posix_acl_xattr(5) as linux/posix_acl_xattr.h has it (version 2; entries of tag, permissions, ID), capabilities(7) for the two
/// versions of <c>security.capability</c>: 2 means the root of the file system, 3 has the ID of the root that it means at its end.
/// </remarks>
/// <param name="mapping">The mapping.</param>
public sealed class OwnerMap(IdMapping mapping)
{
    private const int ListHeaderBytes = 4;
    private const int ListEntryBytes = 8;
    private const int TagUser = 2;
    private const int TagGroup = 8;
    private const int CapabilityBytes = 20;
    private const uint CapabilityVersionMask = 0xFF000000;
    private const uint CapabilityVersion2 = 0x02000000;
    private const uint CapabilityVersion3 = 0x03000000;

    /// <summary>The mapping.</summary>
    public IdMapping Mapping => mapping;

    /// <summary>The owners outside of an object that belongs to these inside.</summary>
    /// <exception cref="StrataException">InvalidArgument: no range holds one.</exception>
    public (uint Uid, uint Gid) ToHost(uint uid, uint gid) =>
        ((uint)IdMapping.ToHost(mapping.Users, uid), (uint)IdMapping.ToHost(mapping.Groups, gid));

    /// <summary>An object's status as it is inside.</summary>
    public FileStatus ToContainer(FileStatus status) => status with
    {
        Uid = (uint)IdMapping.ToContainer(mapping.Users, status.Uid),
        Gid = (uint)IdMapping.ToContainer(mapping.Groups, status.Gid),
    };

    /// <summary>An extended attribute's value as it is outside.</summary>
    public byte[] ToHost(ReadOnlySpan<byte> name, byte[] value)
    {
        if (IsAccessList(name))
            return MapList(value, id => IdMapping.ToHost(mapping.Users, id), id => IdMapping.ToHost(mapping.Groups, id));
        if (!IsCapability(name, value))
            return value;
        uint magic = BinaryPrimitives.ReadUInt32LittleEndian(value);
        bool rooted = (magic & CapabilityVersionMask) == CapabilityVersion3 && value.Length >= CapabilityBytes + 4;
        if (!rooted && (magic & CapabilityVersionMask) != CapabilityVersion2)
            return value;
        uint root = rooted ? BinaryPrimitives.ReadUInt32LittleEndian(value.AsSpan(CapabilityBytes)) : 0;
        return Rooted(value, magic, (uint)IdMapping.ToHost(mapping.Users, root));
    }

    /// <summary>An extended attribute's value as it is inside.</summary>
    public byte[] ToContainer(ReadOnlySpan<byte> name, byte[] value)
    {
        if (IsAccessList(name))
            return MapList(value, id => IdMapping.ToContainer(mapping.Users, id), id => IdMapping.ToContainer(mapping.Groups, id));
        if (!IsCapability(name, value) || value.Length < CapabilityBytes + 4)
            return value;
        uint magic = BinaryPrimitives.ReadUInt32LittleEndian(value);
        if ((magic & CapabilityVersionMask) != CapabilityVersion3)
            return value;
        long root = IdMapping.ToContainer(mapping.Users, BinaryPrimitives.ReadUInt32LittleEndian(value.AsSpan(CapabilityBytes)));
        if (root != 0)
            return Rooted(value, magic, (uint)root);
        byte[] plain = value[..CapabilityBytes];
        BinaryPrimitives.WriteUInt32LittleEndian(plain, CapabilityVersion2 | (magic & ~CapabilityVersionMask));
        return plain;
    }

    /// <summary>An entry of a layer with its owners as they are outside.</summary>
    public LayerEntry ToHost(LayerEntry entry)
    {
        if (!entry.IsFileSystemObject || entry.Kind == EntryKind.HardLink)
            return entry;
        var (uid, gid) = ToHost(entry.Uid, entry.Gid);
        return new LayerEntry
        {
            Path = entry.Path, Kind = entry.Kind, Mode = entry.Mode, Uid = uid, Gid = gid, Mtime = entry.Mtime, SizeBytes = entry.SizeBytes, LinkTarget = entry.LinkTarget,
            DeviceMajor = entry.DeviceMajor, DeviceMinor = entry.DeviceMinor,
            Xattrs = entry.Xattrs.Count == 0 ? entry.Xattrs : entry.Xattrs.Select(x => new Xattr(x.Name, ToHost(x.Name, x.Value))).ToArray(),
        };
    }

    private static bool IsAccessList(ReadOnlySpan<byte> name) => name.SequenceEqual("system.posix_acl_access"u8) || name.SequenceEqual("system.posix_acl_default"u8);

    private static bool IsCapability(ReadOnlySpan<byte> name, byte[] value) => name.SequenceEqual("security.capability"u8) && value.Length >= CapabilityBytes;

    private static byte[] Rooted(byte[] value, uint magic, uint root)
    {
        byte[] rooted = new byte[CapabilityBytes + 4];
        value.AsSpan(0, CapabilityBytes).CopyTo(rooted);
        BinaryPrimitives.WriteUInt32LittleEndian(rooted, CapabilityVersion3 | (magic & ~CapabilityVersionMask));
        BinaryPrimitives.WriteUInt32LittleEndian(rooted.AsSpan(CapabilityBytes), root);
        return rooted;
    }

    private static byte[] MapList(byte[] value, Func<uint, long> user, Func<uint, long> group)
    {
        byte[] mapped = [.. value];
        for (int at = ListHeaderBytes; at + ListEntryBytes <= mapped.Length; at += ListEntryBytes)
        {
            int tag = BinaryPrimitives.ReadUInt16LittleEndian(mapped.AsSpan(at));
            if (tag is not (TagUser or TagGroup))
                continue;
            uint id = BinaryPrimitives.ReadUInt32LittleEndian(mapped.AsSpan(at + 4));
            BinaryPrimitives.WriteUInt32LittleEndian(mapped.AsSpan(at + 4), (uint)(tag == TagUser ? user(id) : group(id)));
        }
        return mapped;
    }
}
