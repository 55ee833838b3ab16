using System.Buffers.Binary;

namespace Strata.Formats.Erofs;

/// <summary>Reads an EROFS image without the kernel: ours, and what erofs-utils makes without compression.</summary>
/// <remarks>
/// Every number is checked against the image before it is used: a broken or hostile image gives an error of kind Corrupt, never a loop, never
/// much memory (256 KB of cached pages). The data of files in extra devices is not read: <see cref="Extents"/> says where it lies. Not safe for
/// many threads at once. Source: fs/erofs of Linux; tried against 6.18.
/// </remarks>
public sealed partial class ErofsReader
{
    private const int Pages = 16;
    private const int PageBytes = 16 * 1024;
    private const uint KnownFeatures = ErofsFormat.IncompatZeroPadding | ErofsFormat.IncompatChunkedFile | ErofsFormat.IncompatDeviceTable;
    private readonly PagedImage _image;
    private readonly long _length;
    private readonly long _metadataBase;
    private readonly long _xattrBase;

    /// <summary>Opens an image: reads and checks its superblock and device table.</summary>
    /// <param name="image">Readable and seekable, starting with the image; not owned, and nobody else moves it meanwhile.</param>
    /// <exception cref="StrataException">Corrupt: this is no EROFS image, or a broken one. NotSupported: it is compressed, or newer than this reader.</exception>
    public ErofsReader(Stream image)
    {
        _image = new PagedImage(image, Pages, PageBytes);
        _length = image.Length;
        Superblock = ReadSuperblock();
        _metadataBase = (long)Superblock.MetadataBlock << Superblock.BlockBits;
        _xattrBase = (long)Superblock.XattrBlock << Superblock.BlockBits;
    }

    /// <summary>Looks into an image that is still being written.</summary>
    internal ErofsReader(PagedImage image, ErofsSuperblock superblock, long lengthBytes)
    {
        _image = image;
        _length = lengthBytes;
        Superblock = superblock;
        _metadataBase = (long)superblock.MetadataBlock << superblock.BlockBits;
        _xattrBase = (long)superblock.XattrBlock << superblock.BlockBits;
    }

    /// <summary>What the superblock says.</summary>
    public ErofsSuperblock Superblock { get; }

    /// <summary>The root directory.</summary>
    /// <exception cref="StrataException">Corrupt: it is broken or no directory.</exception>
    public ErofsInode Root
    {
        get
        {
            var root = ReadInode(Superblock.Root);
            return root.Kind == EntryKind.Directory ? root : throw StrataException.Corrupt($"The root of the EROFS image, inode {root.Node.Nid}, is a {root.Kind}.");
        }
    }

    /// <summary>Reads an inode with all its attributes.</summary>
    /// <exception cref="StrataException">Corrupt: it is broken or not there. NotSupported: it is compressed, or in a form that is newer than this reader.</exception>
    public ErofsInode ReadInode(ErofsNode node)
    {
        if (node.Nid > long.MaxValue / 64)
            throw Broken(node, "its number is out of all bounds");
        long place = _metadataBase + ((long)node.Nid * ErofsFormat.NidBytes);
        Span<byte> inode = stackalloc byte[ErofsFormat.ExtendedBytes];
        Read(place, inode[..ErofsFormat.CompactBytes], node);
        int format = BinaryPrimitives.ReadUInt16LittleEndian(inode);
        var layout = (ErofsLayout)((format >> 1) & 7);
        if ((format & ~0xF) != 0 || (int)layout is 1 or 3)
            throw StrataException.NotSupported($"Inode {node.Nid} of the EROFS image is compressed or in a newer form (format {format:x}): mount the image instead.");
        if ((int)layout > ErofsFormat.LayoutChunks)
            throw Broken(node, $"there is no data layout {layout}");
        bool compact = (format & 1) == 0;
        if (!compact)
            Read(place, inode, node);
        int mode = BinaryPrimitives.ReadUInt16LittleEndian(inode[4..]);
        if (!ErofsFormat.TryKindOfMode(mode, out var kind))
            throw Broken(node, $"its mode {Convert.ToString(mode, 8)} tells no kind");
        long size = compact ? BinaryPrimitives.ReadUInt32LittleEndian(inode[8..]) : BinaryPrimitives.ReadInt64LittleEndian(inode[8..]);
        if (size < 0 || size > long.MaxValue - (1 << 20))
            throw Broken(node, $"its size {(ulong)size} is out of all bounds");
        int xattrCount = BinaryPrimitives.ReadUInt16LittleEndian(inode[2..]);
        int xattrBytes = xattrCount == 0 ? 0 : ErofsFormat.XattrHeaderBytes + (4 * (xattrCount - 1));
        long headEnd = place + (compact ? ErofsFormat.CompactBytes : ErofsFormat.ExtendedBytes);
        uint union = BinaryPrimitives.ReadUInt32LittleEndian(inode[16..]);
        bool isDevice = kind is EntryKind.CharDevice or EntryKind.BlockDevice;
        var read = new ErofsInode
        {
            Node = node,
            Kind = kind,
            Mode = mode & 0xFFF,
            Uid = compact ? BinaryPrimitives.ReadUInt16LittleEndian(inode[24..]) : BinaryPrimitives.ReadUInt32LittleEndian(inode[24..]),
            Gid = compact ? BinaryPrimitives.ReadUInt16LittleEndian(inode[26..]) : BinaryPrimitives.ReadUInt32LittleEndian(inode[28..]),
            Mtime = Time(node, inode, compact),
            SizeBytes = isDevice ? 0 : size,
            LinkCount = compact ? BinaryPrimitives.ReadUInt16LittleEndian(inode[6..]) : BinaryPrimitives.ReadUInt32LittleEndian(inode[44..]),
            DeviceMajor = isDevice ? (union >> 8) & 0xFFF : 0, // new_decode_dev
            DeviceMinor = isDevice ? (union & 0xFF) | ((union >> 12) & 0xFFF00) : 0,
            Layout = layout,
            IsCompact = compact,
            Xattrs = xattrBytes == 0 ? [] : ReadXattrs(node, headEnd, xattrBytes),
            Union = union,
            HeadEnd = headEnd + xattrBytes,
        };
        if (kind == EntryKind.Symlink)
            read.LinkTarget = ReadLinkTarget(read);
        return read;
    }

    private static StrataException Broken(ErofsNode node, string why) =>
        StrataException.Corrupt($"Inode {node.Nid} of the EROFS image is broken: {why}. Make the image anew.");

    private FileTime Time(ErofsNode node, ReadOnlySpan<byte> inode, bool compact)
    {
        // In newer kernels a compact inode may count seconds from the image's time; before, the field was reserved and zero.
        if (compact)
            return new FileTime(Superblock.BuildTime.Seconds + BinaryPrimitives.ReadUInt32LittleEndian(inode[12..]), Superblock.BuildTime.Nanoseconds);
        int nanoseconds = BinaryPrimitives.ReadInt32LittleEndian(inode[40..]);
        return nanoseconds is >= 0 and <= 999_999_999
            ? new FileTime(BinaryPrimitives.ReadInt64LittleEndian(inode[32..]), nanoseconds)
            : throw Broken(node, $"its time has {nanoseconds} nanoseconds");
    }

    private byte[] ReadLinkTarget(ErofsInode link)
    {
        if (link.SizeBytes is 0 or > ErofsFormat.MaxLinkTargetBytes)
            throw Broken(link.Node, $"a link's target can't have {link.SizeBytes} bytes");
        byte[] target = new byte[link.SizeBytes];
        Read(link, 0, target);
        return target.AsSpan().IndexOf((byte)0) < 0 ? target : throw Broken(link.Node, "its target has a NUL in it");
    }

    private void Read(long place, Span<byte> into, ErofsNode node)
    {
        if (place < 0 || place > _length - into.Length)
            throw Broken(node, $"{into.Length} bytes of it at {place} lie behind the image's end at {_length}");
        _image.Read(place, into);
    }

    private ErofsSuperblock ReadSuperblock()
    {
        Span<byte> super = stackalloc byte[ErofsFormat.SuperblockBytes];
        if (_length < ErofsFormat.SuperblockOffset + ErofsFormat.SuperblockBytes)
            throw StrataException.Corrupt($"This is no EROFS image: it ends at {_length}, before a superblock would.");
        _image.Read(ErofsFormat.SuperblockOffset, super);
        if (BinaryPrimitives.ReadUInt32LittleEndian(super) != ErofsFormat.Magic)
            throw StrataException.Corrupt("This is no EROFS image: at 1024 no superblock starts.");
        int blockBits = super[12];
        uint compatible = BinaryPrimitives.ReadUInt32LittleEndian(super[8..]);
        uint incompatible = BinaryPrimitives.ReadUInt32LittleEndian(super[80..]);
        if (blockBits is < 9 or > 16)
            throw StrataException.NotSupported($"The EROFS image has blocks of 2^{blockBits} bytes: 2^9 to 2^16 can be read.");
        CheckChecksum(super, compatible, 1 << blockBits);
        if ((incompatible & ~KnownFeatures) != 0 || super[90] != 0)
            throw StrataException.NotSupported($"The EROFS image has features (0x{incompatible & ~KnownFeatures:x}) that this reader does not know, compression among them: mount it instead.");
        int nanoseconds = BinaryPrimitives.ReadInt32LittleEndian(super[32..]);
        if (nanoseconds is < 0 or > 999_999_999)
            throw StrataException.Corrupt($"The superblock of the EROFS image is broken: its time has {nanoseconds} nanoseconds.");
        int devices = (incompatible & ErofsFormat.IncompatDeviceTable) == 0 ? 0 : BinaryPrimitives.ReadUInt16LittleEndian(super[86..]);
        var name = super.Slice(64, 16);
        int nul = name.IndexOf((byte)0);
        return new ErofsSuperblock
        {
            BlockBits = blockBits,
            Root = new ErofsNode(BinaryPrimitives.ReadUInt16LittleEndian(super[14..])),
            Inodes = BinaryPrimitives.ReadUInt64LittleEndian(super[16..]),
            BuildTime = new FileTime(BinaryPrimitives.ReadInt64LittleEndian(super[24..]), nanoseconds),
            Blocks = BinaryPrimitives.ReadUInt32LittleEndian(super[36..]),
            MetadataBlock = BinaryPrimitives.ReadUInt32LittleEndian(super[40..]),
            XattrBlock = BinaryPrimitives.ReadUInt32LittleEndian(super[44..]),
            Uuid = new Guid(super.Slice(48, 16), bigEndian: true),
            VolumeName = name[..(nul < 0 ? name.Length : nul)].ToArray(),
            CompatibleFeatures = compatible,
            IncompatibleFeatures = incompatible,
            Devices = ReadDevices(devices, BinaryPrimitives.ReadUInt16LittleEndian(super[88..])),
        };
    }

    private void CheckChecksum(ReadOnlySpan<byte> super, uint compatible, int blockBytes)
    {
        if ((compatible & ErofsFormat.CompatChecksum) == 0)
            return;
        byte[] covered = new byte[ErofsFormat.ChecksummedBytes(blockBytes)];
        _image.Read(ErofsFormat.SuperblockOffset, covered);
        covered.AsSpan(4, 4).Clear();
        uint computed = ErofsFormat.Crc32C(uint.MaxValue, covered);
        uint stored = BinaryPrimitives.ReadUInt32LittleEndian(super[4..]);
        if (computed != stored)
            throw StrataException.Corrupt($"The superblock of the EROFS image is broken: its checksum is {computed:x8}, not {stored:x8}. Make the image anew.");
    }

    private ErofsDevice[] ReadDevices(int count, int firstSlot)
    {
        long start = (long)firstSlot * ErofsFormat.DeviceSlotBytes;
        if (start + ((long)count * ErofsFormat.DeviceSlotBytes) > _length)
            throw StrataException.Corrupt($"The EROFS image is broken: its table of {count} devices lies behind its end.");
        var devices = new ErofsDevice[count];
        Span<byte> slot = stackalloc byte[ErofsFormat.DeviceSlotBytes];
        for (int i = 0; i < count; i++)
        {
            _image.Read(start + ((long)i * ErofsFormat.DeviceSlotBytes), slot);
            devices[i] = new ErofsDevice(
                slot[..ErofsFormat.DeviceTagBytes].TrimEnd((byte)0).ToArray(),
                BinaryPrimitives.ReadUInt32LittleEndian(slot[64..]),
                BinaryPrimitives.ReadUInt32LittleEndian(slot[68..]));
        }
        return devices;
    }
}
