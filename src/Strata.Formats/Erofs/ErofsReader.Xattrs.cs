using System.Buffers.Binary;

namespace Strata.Formats.Erofs;

/// <content>Extended attributes.</content>
public sealed partial class ErofsReader
{
    private const int MaxXattrTotalBytes = 4 << 20;

    private List<Xattr> ReadXattrs(ErofsNode node, long place, int length)
    {
        if (length == ErofsFormat.XattrHeaderBytes)
            throw StrataException.NotSupported($"Inode {node.Nid} of the EROFS image has attributes in a newer form: mount the image instead.");
        byte[] body = new byte[length];
        Read(place, body, node);
        int shared = body[4];
        int inline = ErofsFormat.XattrHeaderBytes + (4 * shared);
        if (inline > length)
            throw Broken(node, $"there is no room for its {shared} shared attributes");
        var xattrs = new List<Xattr>();
        for (var rest = body.AsSpan(inline); !rest.IsEmpty;)
        {
            int bytes = rest.Length < 4 ? int.MaxValue : EntryBytes(rest);
            if (bytes > rest.Length)
                throw Broken(node, "an attribute reaches behind the room for them");
            xattrs.Add(Parse(node, rest[..bytes]));
            rest = rest[bytes..];
        }
        Span<byte> header = stackalloc byte[4];
        int total = length;
        for (int i = 0; i < shared; i++)
        {
            long at = _xattrBase + (4L * BinaryPrimitives.ReadUInt32LittleEndian(body.AsSpan(ErofsFormat.XattrHeaderBytes + (4 * i))));
            Read(at, header, node);
            byte[] entry = new byte[EntryBytes(header)];
            total += entry.Length;
            if (total > MaxXattrTotalBytes)
                throw Broken(node, $"its attributes have more than {MaxXattrTotalBytes} bytes");
            Read(at, entry, node);
            xattrs.Add(Parse(node, entry));
        }
        xattrs.Sort((a, b) => a.Name.AsSpan().SequenceCompareTo(b.Name));
        return xattrs;
    }

    private static int EntryBytes(ReadOnlySpan<byte> entry) =>
        (int)ErofsFormat.RoundUp(4 + entry[0] + BinaryPrimitives.ReadUInt16LittleEndian(entry[2..]), 4);

    private static Xattr Parse(ErofsNode node, ReadOnlySpan<byte> entry)
    {
        var prefix = ErofsXattrName.Prefix(entry[1]);
        if (prefix.IsEmpty)
            throw StrataException.NotSupported($"Inode {node.Nid} of the EROFS image has an attribute of namespace {entry[1]}, which this reader does not know: mount the image instead.");
        var rest = entry.Slice(4, entry[0]);
        int valueBytes = BinaryPrimitives.ReadUInt16LittleEndian(entry[2..]);
        return new Xattr([.. prefix, .. rest], entry.Slice(4 + rest.Length, valueBytes).ToArray());
    }
}
