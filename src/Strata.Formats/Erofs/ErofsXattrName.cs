using System.Buffers.Binary;

namespace Strata.Formats.Erofs;

/// <summary>Names of extended attributes as EROFS has them: a number for the namespace, and the rest.</summary>
internal static class ErofsXattrName
{
    internal const int AclAccess = 2;
    internal const int AclDefault = 3;
    private const int MaxValueBytes = ushort.MaxValue;
    private const uint AclVersion = 2;

    /// <summary>The whole name or the prefix that a number stands for; empty: the number is unknown (1 to 6; 5, Lustre's, has no handler).</summary>
    internal static ReadOnlySpan<byte> Prefix(int index) => index switch
    {
        1 => "user."u8,
        AclAccess => "system.posix_acl_access"u8,
        AclDefault => "system.posix_acl_default"u8,
        4 => "trusted."u8,
        6 => "security."u8,
        _ => default,
    };

    internal static bool TrySplit(ReadOnlySpan<byte> name, out int index, out ReadOnlySpan<byte> rest)
    {
        for (index = 1; index <= 6; index++)
        {
            var prefix = Prefix(index);
            if (prefix.IsEmpty || !name.StartsWith(prefix))
                continue;
            rest = name[prefix.Length..];
            return index is AclAccess or AclDefault ? rest.IsEmpty : rest.Length is > 0 and <= ErofsFormat.MaxNameBytes && rest.IndexOf((byte)0) < 0;
        }
        rest = default;
        return false;
    }

    internal static bool CanStore(Xattr xattr) =>
        TrySplit(xattr.Name, out int index, out _)
        && xattr.Value.Length <= MaxValueBytes
        && (index is not (AclAccess or AclDefault) || IsAcl(xattr.Value));

    /// <summary>
    /// True for an ACL that posix_acl_from_xattr takes. Other file systems refuse a broken one when it is set; EROFS would refuse whoever
    /// looks at the file.
    /// </summary>
    private static bool IsAcl(ReadOnlySpan<byte> value)
    {
        if (value.Length < 4 || (value.Length - 4) % 8 != 0 || BinaryPrimitives.ReadUInt32LittleEndian(value) != AclVersion)
            return false;
        for (value = value[4..]; !value.IsEmpty; value = value[8..])
        {
            int tag = BinaryPrimitives.ReadUInt16LittleEndian(value);
            bool named = tag is 0x02 or 0x08; // ACL_USER, ACL_GROUP: with an ID, and none of them is -1
            if (!(named && BinaryPrimitives.ReadUInt32LittleEndian(value[4..]) != uint.MaxValue) && tag is not (0x01 or 0x04 or 0x10 or 0x20))
                return false;
        }
        return true;
    }
}
