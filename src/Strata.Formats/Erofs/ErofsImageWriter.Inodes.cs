using System.Buffers.Binary;

namespace Strata.Formats.Erofs;

/// <content>Inodes: form, attributes, place.</content>
public sealed partial class ErofsImageWriter
{
    private const int MaxXattrBytes = ErofsFormat.XattrHeaderBytes + (4 * (ushort.MaxValue - 1));
    private readonly SharedXattrs _shared = new();
    private readonly System.Buffers.ArrayBufferWriter<byte> _xattrs = new(4096);
    private readonly System.Buffers.ArrayBufferWriter<byte> _inlineXattrs = new(4096);
    private readonly uint[] _sharedIds = new uint[byte.MaxValue];
    private byte[] _entry = new byte[512];

    private ErofsNode AddInode(in ErofsAttributes attributes, EntryKind kind, long sizeBytes, int layout, uint union, ReadOnlySpan<byte> tail)
    {
        Begin(attributes);
        return Put(attributes, kind, sizeBytes, layout, union, tail);
    }

    /// <summary>Checks attributes and encodes the extended ones: once for each inode, since what is seen twice is shared.</summary>
    private void Begin(in ErofsAttributes attributes)
    {
        Check(attributes);
        EncodeXattrs(attributes.Xattrs, shareAll: false);
    }

    private ErofsNode Put(in ErofsAttributes attributes, EntryKind kind, long sizeBytes, int layout, uint union, ReadOnlySpan<byte> tail)
    {
        int form = FormBytes(attributes, sizeBytes, linkCount: 1);
        int head = form + _xattrs.WrittenCount;
        int tailStart = layout == ErofsFormat.LayoutChunks ? (int)ErofsFormat.RoundUp(head, ErofsFormat.ChunkIndexBytes) : head;
        long place = Allocate(tailStart + tail.Length, layout == ErofsFormat.LayoutInline ? tail.Length : 0);
        WriteInode(place, form, attributes, kind, sizeBytes, layout, union);
        if (!tail.IsEmpty)
            _image.Write(place + tailStart, tail);
        return NodeAt(place);
    }

    private ErofsNode NodeAt(long place) => new((ulong)(place - _metadataBase) / ErofsFormat.NidBytes);

    private static void Check(in ErofsAttributes attributes)
    {
        string? wrong =
            (attributes.Mode & ~0xFFF) != 0 ? $"its mode {Convert.ToString(attributes.Mode, 8)} has other bits than 07777"
            : attributes.Uid == uint.MaxValue || attributes.Gid == uint.MaxValue ? "the ID 4294967295 means 'none' to Linux"
            : attributes.Mtime.Nanoseconds is < 0 or > 999_999_999 ? "its time has more or less than 0 to 999999999 nanoseconds"
            : null;
        if (wrong is not null)
            throw StrataException.InvalidArgument($"An inode can't be written to an EROFS image: {wrong}.");
    }

    private int FormBytes(in ErofsAttributes attributes, long sizeBytes, long linkCount)
    {
        bool compact = attributes.Uid <= ushort.MaxValue && attributes.Gid <= ushort.MaxValue && attributes.Mtime == _options.BuildTime
            && sizeBytes <= uint.MaxValue && linkCount <= ushort.MaxValue;
        return compact ? ErofsFormat.CompactBytes : ErofsFormat.ExtendedBytes;
    }

    /// <summary>Writes the inode and its attributes as <see cref="EncodeXattrs"/> left them.</summary>
    private void WriteInode(long place, int form, in ErofsAttributes attributes, EntryKind kind, long sizeBytes, int layout, uint union)
    {
        Span<byte> inode = stackalloc byte[ErofsFormat.ExtendedBytes];
        inode.Clear();
        bool compact = form == ErofsFormat.CompactBytes;
        int xattrs = _xattrs.WrittenCount;
        BinaryPrimitives.WriteUInt16LittleEndian(inode, (ushort)((layout << 1) | (compact ? 0 : 1)));
        BinaryPrimitives.WriteUInt16LittleEndian(inode[2..], (ushort)(xattrs == 0 ? 0 : 1 + ((xattrs - ErofsFormat.XattrHeaderBytes) / 4)));
        BinaryPrimitives.WriteUInt16LittleEndian(inode[4..], (ushort)(ErofsFormat.ModeType(kind) | attributes.Mode));
        BinaryPrimitives.WriteUInt32LittleEndian(inode[16..], union);
        BinaryPrimitives.WriteUInt32LittleEndian(inode[20..], ++_inodes);
        if (compact)
        {
            BinaryPrimitives.WriteUInt32LittleEndian(inode[8..], (uint)sizeBytes);
            BinaryPrimitives.WriteUInt16LittleEndian(inode[24..], (ushort)attributes.Uid);
            BinaryPrimitives.WriteUInt16LittleEndian(inode[26..], (ushort)attributes.Gid);
        }
        else
        {
            BinaryPrimitives.WriteInt64LittleEndian(inode[8..], sizeBytes);
            BinaryPrimitives.WriteUInt32LittleEndian(inode[24..], attributes.Uid);
            BinaryPrimitives.WriteUInt32LittleEndian(inode[28..], attributes.Gid);
            BinaryPrimitives.WriteInt64LittleEndian(inode[32..], attributes.Mtime.Seconds);
            BinaryPrimitives.WriteInt32LittleEndian(inode[40..], attributes.Mtime.Nanoseconds);
        }
        SetLinkCount(inode, 1);
        _image.Write(place, inode[..form]);
        if (xattrs > 0)
            _image.Write(place + form, _xattrs.WrittenSpan);
    }

    /// <summary>The size of the inode without attributes, by the form that it was written in.</summary>
    private static int HeadBytes(ReadOnlySpan<byte> inode) => (inode[0] & 1) == 0 ? ErofsFormat.CompactBytes : ErofsFormat.ExtendedBytes;

    private static int XattrBytes(ReadOnlySpan<byte> inode)
    {
        int count = BinaryPrimitives.ReadUInt16LittleEndian(inode[2..]);
        return count == 0 ? 0 : ErofsFormat.XattrHeaderBytes + (4 * (count - 1));
    }

    private static uint LinkCount(ReadOnlySpan<byte> inode) => HeadBytes(inode) == ErofsFormat.CompactBytes
        ? BinaryPrimitives.ReadUInt16LittleEndian(inode[6..])
        : BinaryPrimitives.ReadUInt32LittleEndian(inode[44..]);

    private static void SetLinkCount(Span<byte> inode, uint count)
    {
        if (HeadBytes(inode) == ErofsFormat.ExtendedBytes)
            BinaryPrimitives.WriteUInt32LittleEndian(inode[44..], count);
        else if (count <= ushort.MaxValue)
            BinaryPrimitives.WriteUInt16LittleEndian(inode[6..], (ushort)count);
        else
            throw StrataException.Exhausted($"An inode of an EROFS image can't have {count} names: in the compact form {ushort.MaxValue} are the most.");
    }

    /// <summary>Reads back an inode that was written before; its place.</summary>
    private long ReadInode(ErofsNode node, Span<byte> inode)
    {
        long place = _metadataBase + ((long)Math.Min(node.Nid, long.MaxValue / 64) * ErofsFormat.NidBytes);
        if (place >= _end)
            throw StrataException.InvalidArgument($"Inode {node.Nid} was not written to this image.");
        _image.Read(place, inode);
        return place;
    }

    /// <summary>Attributes as they follow the inode, into <see cref="_xattrs"/>; nothing if there are none.</summary>
    private void EncodeXattrs(IReadOnlyList<Xattr> xattrs, bool shareAll)
    {
        _xattrs.ResetWrittenCount();
        if (xattrs.Count == 0)
            return;
        int shared = 0;
        _inlineXattrs.ResetWrittenCount();
        foreach (var xattr in xattrs)
        {
            var entry = Encode(xattr);
            if (shared < byte.MaxValue && TryShare(entry, shareAll, out uint id))
                _sharedIds[shared++] = id;
            else if (shareAll)
                throw StrataException.NotSupported($"A root directory with {xattrs.Count} extended attributes can't be written to an EROFS image behind so much else: plan it before, or leave some out.");
            else
                System.Buffers.BuffersExtensions.Write(_inlineXattrs, entry);
        }
        int total = ErofsFormat.XattrHeaderBytes + (4 * shared) + _inlineXattrs.WrittenCount;
        if (total > MaxXattrBytes)
            throw StrataException.Exhausted($"An inode's extended attributes take {total} bytes: EROFS has room for {MaxXattrBytes}.");
        var header = _xattrs.GetSpan(ErofsFormat.XattrHeaderBytes + (4 * shared))[..(ErofsFormat.XattrHeaderBytes + (4 * shared))];
        header.Clear();
        header[4] = (byte)shared;
        for (int i = 0; i < shared; i++)
            BinaryPrimitives.WriteUInt32LittleEndian(header[(ErofsFormat.XattrHeaderBytes + (4 * i))..], _sharedIds[i]);
        _xattrs.Advance(header.Length);
        System.Buffers.BuffersExtensions.Write(_xattrs, _inlineXattrs.WrittenSpan);
    }

    /// <summary>One attribute as it is stored, inline or shared, padded to 4 bytes.</summary>
    private ReadOnlySpan<byte> Encode(Xattr xattr)
    {
        if (!CanStore(xattr))
        {
            throw StrataException.NotSupported(
                $"The extended attribute '{EntryPath.Display(xattr.Name)}' of {xattr.Value.Length} bytes can't be stored in an EROFS image: it holds user., trusted., security. and well-formed POSIX ACLs, up to 65535 bytes each.");
        }
        ErofsXattrName.TrySplit(xattr.Name, out int index, out var rest);
        int length = 4 + rest.Length + xattr.Value.Length;
        int padded = (int)ErofsFormat.RoundUp(length, 4);
        if (_entry.Length < padded)
            _entry = new byte[padded];
        var entry = _entry.AsSpan(0, padded);
        entry[0] = (byte)rest.Length;
        entry[1] = (byte)index;
        BinaryPrimitives.WriteUInt16LittleEndian(entry[2..], (ushort)xattr.Value.Length);
        rest.CopyTo(entry[4..]);
        xattr.Value.CopyTo(entry[(4 + rest.Length)..]);
        entry[length..].Clear();
        return entry;
    }

    /// <summary>Stores an attribute among the inodes, once for all that have it; its ID is its distance from the metadata's start in 4 bytes.</summary>
    private bool TryShare(ReadOnlySpan<byte> entry, bool always, out uint id)
    {
        if (_shared.TryFind(entry, out id))
            return true;
        if (!always && !_shared.ShouldShare(entry))
            return false;
        if ((_cursor + _runBytes + entry.Length + PageBytes - _metadataBase) / 4 >= uint.MaxValue)
            return false;
        long place = Allocate(entry.Length, 0, align: 4);
        _image.Write(place, entry);
        id = (uint)((place - _metadataBase) / 4);
        _shared.Add(entry, id);
        return true;
    }

    /// <summary>Room for metadata.</summary>
    /// <param name="bytes">How much, in one piece.</param>
    /// <param name="inlineBytes">How much of its end must not cross a block.</param>
    /// <param name="align">Where it may start.</param>
    private long Allocate(long bytes, int inlineBytes, int align = ErofsFormat.NidBytes)
    {
        long place = Fit(_cursor, bytes, inlineBytes, align);
        if (place + bytes > _runEnd)
        {
            if (_runEnd == _end)
            {
                // Nothing lies behind the run: it grows.
                _runEnd = _end = place + Math.Max(bytes, _runBytes);
            }
            else
            {
                place = Fit(ErofsFormat.RoundUp(_end, _blockBytes), bytes, inlineBytes, align);
                _runEnd = _end = place + Math.Max(bytes, _runBytes);
            }
        }
        _cursor = place + bytes;
        return place;
    }

    private long Fit(long from, long bytes, int inlineBytes, int align)
    {
        long place = ErofsFormat.RoundUp(from, align);
        if (inlineBytes == 0)
            return place;
        // What fits a block lies in one; of the rest, at least the data does.
        long oneBlock = bytes <= _blockBytes ? bytes : inlineBytes;
        long start = place + bytes - oneBlock;
        if (start / _blockBytes != (start + oneBlock - 1) / _blockBytes)
            place = ErofsFormat.RoundUp(place + (ErofsFormat.RoundUp(start, _blockBytes) - start), align);
        return place;
    }

    /// <summary>Whole blocks for data, behind everything else.</summary>
    private long AllocateBlocks(long bytes)
    {
        if (_runBytes == 0 && _runEnd == _end)
            _runEnd = _end = _cursor;
        long place = ErofsFormat.RoundUp(_end, _blockBytes);
        if (_runEnd == _end)
            _runEnd = place;
        _end = place + ErofsFormat.RoundUp(bytes, _blockBytes);
        if ((_end >> _options.BlockBits) >= ErofsFormat.NoBlock)
            throw StrataException.Exhausted($"The image grows behind the last of its 2^32 blocks of {_blockBytes} bytes.");
        return place;
    }
}
