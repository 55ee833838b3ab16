using System.Buffers.Binary;

namespace Strata.Formats.Erofs;

/// <summary>Writes an EROFS image, uncompressed, whose files lie in the image itself or in other devices. The same calls give the same bytes.</summary>
/// <remarks>
/// <para>Life cycle: add everything that is no directory, in any order; plan all directories, the root first; write them in the same order,
/// each with its children; tell the devices' sizes; <see cref="Complete"/>. An inode is written when it is added, so that its number is known
/// and nothing is kept: memory is a few pages and the table of shared attributes (about 3 MB), whatever the number of entries.</para>
/// <example><code>
/// var writer = new ErofsImageWriter(file, new ErofsWriterOptions { Devices = 1 });
/// var passwd = writer.AddFile(attributes, 1200, device: 1, offsetBytes: 512);
/// var root = writer.PlanDirectory(attributes, entries: 1, nameBytesTotal: 6);
/// writer.WriteDirectory(root, root, linkCount: 2, [new("passwd"u8.ToArray(), passwd, EntryKind.RegularFile)]);
/// writer.SetDeviceBytes(1, tarBytes, default);
/// writer.Complete(root);
/// </code></example>
/// <para>After a failure what was written is no image (it has no superblock): throw it away. Not safe for many threads. Sources: fs/erofs/erofs_fs.h
/// and Documentation/filesystems/erofs.rst of Linux; tried on 6.18. By their history images with 4,096-byte blocks serve kernels that have chunk-based files (5.15) and
/// devices (5.16); smaller blocks need Linux 6.4.</para>
/// </remarks>
public sealed partial class ErofsImageWriter
{
    private const int Pages = 16;
    private const int PageBytes = 64 * 1024;
    private const int MaxBits = 12;
    private const long MaxChunks = 1 << 22;
    private readonly PagedImage _image;
    private readonly ErofsWriterOptions _options;
    private readonly int _blockBytes;
    private readonly int _runBytes;
    private readonly long _metadataBase;
    private readonly long _rootPlace;
    private readonly bool[] _deviceKnown;
    private long _cursor;
    private long _runEnd;
    private long _end;
    private uint _inodes;
    private bool _usesChunks;

    /// <summary>Starts an image.</summary>
    /// <param name="destination">Readable, writable, seekable, at most <see cref="ErofsWriterOptions.MetadataStartBytes"/> long; not owned.</param>
    /// <param name="options">How it is written.</param>
    /// <exception cref="StrataException">InvalidArgument: an option or the stream does not serve. NotSupported: the block's size.</exception>
    public ErofsImageWriter(Stream destination, ErofsWriterOptions options)
        : this(destination, options, runBytes: 0)
    {
    }

    /// <param name="destination">See the public constructor.</param>
    /// <param name="options">See the public constructor.</param>
    /// <param name="runBytes">
    /// 0: metadata lies in one piece. Else it lies in runs of so many bytes between data that is written into the image itself.
    /// </param>
    internal ErofsImageWriter(Stream destination, ErofsWriterOptions options, int runBytes)
    {
        Check(destination, options);
        _options = options;
        _runBytes = runBytes;
        _blockBytes = 1 << options.BlockBits;
        _deviceKnown = new bool[options.Devices];
        _image = new PagedImage(destination, Pages, PageBytes);
        long start = options.MetadataStartBytes > 0 ? options.MetadataStartBytes : DeviceTableEnd(options.Devices);
        _metadataBase = start / _blockBytes * _blockBytes;
        _cursor = _end = _runEnd = start;
        _rootPlace = Allocate(RootBytes, RootBytes);
        _direntBytes = new byte[_blockBytes];
        _nameBytes = new byte[_blockBytes];
    }

    /// <summary>The first byte of an image that superblock and device table leave free: where a caller's own data may start.</summary>
    public static long DataStartBytes(ErofsWriterOptions options) =>
        ErofsFormat.RoundUp(DeviceTableEnd(options.Devices), 1 << options.BlockBits);

    /// <summary>
    /// True if an image can hold the attribute: its name is in user., trusted. or security., or is one of the POSIX ACLs; its value is at most
    /// 65,535 bytes, and for an ACL well-formed.
    /// </summary>
    public static bool CanStore(Xattr xattr) => ErofsXattrName.CanStore(xattr);

    /// <summary>Adds a regular file that lies in one piece.</summary>
    /// <param name="attributes">Its attributes.</param>
    /// <param name="sizeBytes">Its size.</param>
    /// <param name="device">0: this image, else an extra device, counted from 1.</param>
    /// <param name="offsetBytes">Where it starts there: a multiple of the block. Data must be there up to the end of the file's last block.</param>
    /// <exception cref="StrataException">
    /// InvalidArgument: the attributes, the device or the offset are none. NotSupported: an attribute that <see cref="CanStore"/> refuses.
    /// Exhausted: the data ends behind the 2^32nd block, or attributes are too large.
    /// </exception>
    public ErofsNode AddFile(in ErofsAttributes attributes, long sizeBytes, int device, long offsetBytes)
    {
        if (sizeBytes == 0)
            return AddInode(attributes, EntryKind.RegularFile, 0, ErofsFormat.LayoutPlain, 0, default);
        uint block = BlockOf(sizeBytes, device, offsetBytes);
        if (device == 0)
            return AddInode(attributes, EntryKind.RegularFile, sizeBytes, ErofsFormat.LayoutPlain, block, default);
        int bits = ChunkBits(sizeBytes);
        long chunks = ((sizeBytes - 1) >> bits) + 1;
        if (chunks > 1)
            return AddFile(attributes, sizeBytes, [new ErofsExtent(0, sizeBytes, device, offsetBytes)]);
        Span<byte> index = stackalloc byte[ErofsFormat.ChunkIndexBytes];
        WriteChunkIndex(index, device, block);
        _usesChunks = true;
        return AddInode(attributes, EntryKind.RegularFile, sizeBytes, ErofsFormat.LayoutChunks, ChunkFormat(bits), index);
    }

    /// <summary>Adds a regular file that lies in several pieces, perhaps in several devices, perhaps with holes.</summary>
    /// <remarks>
    /// The format cuts a file into equal chunks, each in one place: all bounds of extents but the file's end must be multiples of the block, and
    /// the chunk becomes the largest that fits them all: at the price of 8 bytes for each. Hold sparse files with small extents as sparse
    /// stretches of a device instead, in one extent.
    /// </remarks>
    /// <param name="attributes">Its attributes.</param>
    /// <param name="sizeBytes">Its size.</param>
    /// <param name="extents">In rising order without overlap; what they don't cover is holes.</param>
    /// <exception cref="StrataException">As above; Exhausted too: more than 4 million chunks.</exception>
    public ErofsNode AddFile(in ErofsAttributes attributes, long sizeBytes, IReadOnlyList<ErofsExtent> extents)
    {
        int bits = ChunkBits(sizeBytes);
        long end = 0;
        foreach (var extent in extents)
        {
            long extentEnd = extent.FileOffsetBytes + extent.LengthBytes;
            if (extent.FileOffsetBytes < end || extent.LengthBytes <= 0 || extentEnd > sizeBytes || extentEnd < 0)
                throw StrataException.InvalidArgument($"The extents of a file of {sizeBytes} bytes overlap, are empty or reach behind its end: {extent}.");
            BlockOf(extent.LengthBytes, extent.Device, extent.DeviceOffsetBytes);
            if (extent.FileOffsetBytes > 0)
                bits = Math.Min(bits, System.Numerics.BitOperations.TrailingZeroCount(extent.FileOffsetBytes));
            if (extentEnd < sizeBytes)
                bits = Math.Min(bits, System.Numerics.BitOperations.TrailingZeroCount(extentEnd));
            end = extentEnd;
        }
        if (bits < _options.BlockBits)
            throw StrataException.InvalidArgument($"The extents of a file do not start and end at blocks of {_blockBytes} bytes.");
        long chunks = sizeBytes == 0 ? 0 : ((sizeBytes - 1) >> bits) + 1;
        if (chunks > MaxChunks)
            throw StrataException.Exhausted($"A file of {sizeBytes} bytes in chunks of {1L << bits} would need {chunks} of them, more than {MaxChunks}. Point at it in fewer, larger pieces.");
        if (chunks == 0)
            return AddFile(attributes, 0, 0, 0);
        byte[] indexes = new byte[chunks * ErofsFormat.ChunkIndexBytes];
        int next = 0;
        for (long chunk = 0; chunk < chunks; chunk++)
        {
            long offset = chunk << bits;
            while (next < extents.Count && extents[next].FileOffsetBytes + extents[next].LengthBytes <= offset)
                next++;
            bool hole = next == extents.Count || extents[next].FileOffsetBytes > offset;
            uint block = hole ? ErofsFormat.NoBlock : (uint)((extents[next].DeviceOffsetBytes + offset - extents[next].FileOffsetBytes) >> _options.BlockBits);
            WriteChunkIndex(indexes.AsSpan((int)(chunk * ErofsFormat.ChunkIndexBytes)), hole ? 0 : extents[next].Device, block);
        }
        _usesChunks = true;
        return AddInode(attributes, EntryKind.RegularFile, sizeBytes, ErofsFormat.LayoutChunks, ChunkFormat(bits), indexes);
    }

    /// <summary>Adds a symbolic link.</summary>
    /// <exception cref="StrataException">InvalidArgument: the target has no or more than 4,095 bytes, or a NUL; and as for files.</exception>
    public ErofsNode AddSymlink(in ErofsAttributes attributes, ReadOnlySpan<byte> target)
    {
        if (target.Length is 0 or > ErofsFormat.MaxLinkTargetBytes || target.IndexOf((byte)0) >= 0)
            throw StrataException.InvalidArgument($"A symbolic link's target of {target.Length} bytes can't be stored: 1 to {ErofsFormat.MaxLinkTargetBytes} bytes without a NUL can.");
        Begin(attributes);
        // Older kernels take a target behind its inode only if inode, attributes and target lie in one block.
        if (ErofsFormat.ExtendedBytes + _xattrs.WrittenCount + target.Length <= _blockBytes)
            return Put(attributes, EntryKind.Symlink, target.Length, ErofsFormat.LayoutInline, 0, target);
        long place = AllocateBlocks(target.Length);
        _image.Write(place, target);
        return Put(attributes, EntryKind.Symlink, target.Length, ErofsFormat.LayoutPlain, (uint)(place >> _options.BlockBits), default);
    }

    /// <summary>Adds a device.</summary>
    /// <param name="attributes">Its attributes.</param>
    /// <param name="kind"><see cref="EntryKind.CharDevice"/> or <see cref="EntryKind.BlockDevice"/>.</param>
    /// <param name="major">0 to 4,095.</param>
    /// <param name="minor">0 to 1,048,575.</param>
    /// <exception cref="StrataException">InvalidArgument: kind or number; and as for files.</exception>
    public ErofsNode AddDevice(in ErofsAttributes attributes, EntryKind kind, uint major, uint minor)
    {
        if (kind is not (EntryKind.CharDevice or EntryKind.BlockDevice) || major > 0xFFF || minor > 0xFFFFF)
            throw StrataException.InvalidArgument($"{kind} {major}:{minor} is no device that Linux knows: a major number has 12 bits, a minor one 20.");
        uint number = (minor & 0xFF) | (major << 8) | ((minor & ~0xFFu) << 12); // new_encode_dev
        return AddInode(attributes, kind, 0, ErofsFormat.LayoutPlain, number, default);
    }

    /// <summary>Adds a fifo.</summary>
    /// <exception cref="StrataException">As for files.</exception>
    public ErofsNode AddFifo(in ErofsAttributes attributes) => AddInode(attributes, EntryKind.Fifo, 0, ErofsFormat.LayoutPlain, 0, default);

    /// <summary>Adds a socket.</summary>
    /// <exception cref="StrataException">As for files.</exception>
    public ErofsNode AddSocket(in ErofsAttributes attributes) => AddInode(attributes, EntryKind.Socket, 0, ErofsFormat.LayoutPlain, 0, default);

    /// <summary>Says how many names an inode has, which is 1 at first. Costs a read and a write of a page where it is far from the last one.</summary>
    /// <exception cref="StrataException">Exhausted: more than 65,535 for an inode in the compact form.</exception>
    public void SetLinkCount(ErofsNode node, uint count)
    {
        Span<byte> inode = stackalloc byte[ErofsFormat.ExtendedBytes];
        long place = ReadInode(node, inode);
        SetLinkCount(inode, count);
        _image.Write(place, inode[..HeadBytes(inode)]);
    }

    /// <summary>Counts one more name of an inode.</summary>
    internal void AddLink(ErofsNode node)
    {
        Span<byte> inode = stackalloc byte[ErofsFormat.ExtendedBytes];
        long place = ReadInode(node, inode);
        SetLinkCount(inode, LinkCount(inode) + 1);
        _image.Write(place, inode[..HeadBytes(inode)]);
    }

    /// <summary>Tells the size of an extra device.</summary>
    /// <param name="device">Counted from 1.</param>
    /// <param name="bytes">Its size; rounded up to a block.</param>
    /// <param name="tag">At most 64 bytes that name its content, such as a digest in hexadecimal; may be empty.</param>
    /// <exception cref="StrataException">InvalidArgument: no such device, or the tag is too long. Exhausted: more than 2^32 blocks.</exception>
    public void SetDeviceBytes(int device, long bytes, ReadOnlySpan<byte> tag)
    {
        if (device < 1 || device > _options.Devices || bytes < 0 || tag.Length > ErofsFormat.DeviceTagBytes)
            throw StrataException.InvalidArgument($"Device {device} of {_options.Devices} with {bytes} bytes and a tag of {tag.Length} can't be described: count from 1, use tags of at most {ErofsFormat.DeviceTagBytes} bytes.");
        long blocks = ErofsFormat.RoundUp(bytes, _blockBytes) >> _options.BlockBits;
        if (blocks >= ErofsFormat.NoBlock)
            throw StrataException.Exhausted($"Device {device} has {bytes} bytes: an EROFS image with blocks of {_blockBytes} reaches {(long)ErofsFormat.NoBlock << _options.BlockBits}.");
        Span<byte> slot = stackalloc byte[ErofsFormat.DeviceSlotBytes];
        slot.Clear();
        tag.CopyTo(slot);
        BinaryPrimitives.WriteUInt32LittleEndian(slot[64..], (uint)blocks);
        _image.Write(DeviceTableEnd(device - 1), slot);
        _deviceKnown[device - 1] = true;
    }

    /// <summary>Finishes the image: superblock with checksum, padding to a block. The stream holds it then, not synced.</summary>
    /// <param name="root">The root: the directory that was planned first.</param>
    /// <exception cref="StrataException">
    /// FailedPrecondition: a directory was planned and not written, a device's size is missing. InvalidArgument: this is not the root.
    /// Exhausted: the image has more than 2^32 blocks.
    /// </exception>
    public void Complete(ErofsNode root)
    {
        if (_root is not { } planned || planned != root)
            throw StrataException.InvalidArgument($"Inode {root.Nid} is not the root of the image: the first planned directory is.");
        if (_plannedDirectories != _writtenDirectories)
            throw StrataException.FailedPrecondition($"{_plannedDirectories} directories were planned, {_writtenDirectories} written: write each once.");
        int missing = Array.IndexOf(_deviceKnown, false);
        if (missing >= 0)
            throw StrataException.FailedPrecondition($"The size of device {missing + 1} was not told: call SetDeviceBytes.");
        if (_runEnd == _end)
            _end = _cursor;
        _end = ErofsFormat.RoundUp(_end, _blockBytes);
        long blocks = _end >> _options.BlockBits;
        if (blocks >= ErofsFormat.NoBlock)
            throw StrataException.Exhausted($"The image has {_end} bytes: with blocks of {_blockBytes} an image has at most {(long)ErofsFormat.NoBlock << _options.BlockBits}.");
        MapDevices(blocks);
        WriteSuperblock(root, (uint)blocks);
        _image.Finish(_end);
    }

    private static long DeviceTableEnd(int devices) =>
        ErofsFormat.SuperblockOffset + ErofsFormat.SuperblockBytes + ((long)devices * ErofsFormat.DeviceSlotBytes);

    private static void Check(Stream destination, ErofsWriterOptions options)
    {
        if (options.BlockBits is < 9 or > MaxBits)
            throw StrataException.NotSupported($"EROFS blocks of 2^{options.BlockBits} bytes can't be written: 512 (9) to 4096 (12) can.");
        if (options.Devices is < 0 or > ushort.MaxValue)
            throw StrataException.InvalidArgument($"An EROFS image has 0 to {ushort.MaxValue} extra devices, not {options.Devices}.");
        if (options.VolumeName.Length > 15 || options.VolumeName.Span.IndexOf((byte)0) >= 0)
            throw StrataException.InvalidArgument("The name of an EROFS volume has at most 15 bytes and no NUL.");
        if (options.BuildTime.Nanoseconds is < 0 or > 999_999_999)
            throw StrataException.InvalidArgument($"The time {options.BuildTime} of an EROFS image has no 0 to 999999999 nanoseconds.");
        long start = options.MetadataStartBytes;
        if (start != 0 && (start % (1 << options.BlockBits) != 0 || start < DataStartBytes(options)))
            throw StrataException.InvalidArgument($"Metadata of an EROFS image can't start at {start}: only at a block's bound at or behind {DataStartBytes(options)}.");
        if ((start >> options.BlockBits) >= ErofsFormat.NoBlock)
            throw StrataException.Exhausted($"Metadata of an EROFS image can't start at {start}: that is behind its 2^32nd block.");
        if (!destination.CanRead || !destination.CanWrite || !destination.CanSeek || destination.Length > start)
            throw StrataException.InvalidArgument("An EROFS image needs a stream to read, write and seek, and empty where the metadata will be.");
    }

    private static void WriteChunkIndex(Span<byte> index, int device, uint block)
    {
        BinaryPrimitives.WriteUInt16LittleEndian(index, 0);
        BinaryPrimitives.WriteUInt16LittleEndian(index[2..], (ushort)device);
        BinaryPrimitives.WriteUInt32LittleEndian(index[4..], block);
    }

    private uint ChunkFormat(int bits) => (uint)((bits - _options.BlockBits) | ErofsFormat.ChunkIndexes);

    /// <summary>The smallest chunk that holds all of a file, or the largest that there is.</summary>
    private int ChunkBits(long sizeBytes)
    {
        int bits = sizeBytes <= 1 ? 0 : 64 - System.Numerics.BitOperations.LeadingZeroCount((ulong)(sizeBytes - 1));
        return Math.Clamp(bits, _options.BlockBits, _options.BlockBits + ErofsFormat.ChunkBitsMask);
    }

    private uint BlockOf(long sizeBytes, int device, long offsetBytes)
    {
        if (sizeBytes < 0 || device < 0 || device > _options.Devices || offsetBytes < 0 || offsetBytes % _blockBytes != 0)
            throw StrataException.InvalidArgument($"{sizeBytes} bytes at {offsetBytes} of device {device} can't be pointed at: the image has {_options.Devices} devices and blocks of {_blockBytes}.");
        if (offsetBytes > long.MaxValue - sizeBytes || ((offsetBytes + sizeBytes - 1) >> _options.BlockBits) >= ErofsFormat.NoBlock)
            throw StrataException.Exhausted($"{sizeBytes} bytes at {offsetBytes} end behind the last of 2^32 blocks of {_blockBytes} bytes.");
        return (uint)(offsetBytes >> _options.BlockBits);
    }

    /// <summary>Tells where each device would start if all were put behind the image: tools that look at one flat image want it, and the kernel.</summary>
    private void MapDevices(long blocks)
    {
        Span<byte> numbers = stackalloc byte[8];
        long next = blocks;
        for (int device = 0; device < _options.Devices; device++)
        {
            long place = DeviceTableEnd(device) + ErofsFormat.DeviceTagBytes;
            _image.Read(place, numbers);
            long count = BinaryPrimitives.ReadUInt32LittleEndian(numbers);
            if (next + count >= ErofsFormat.NoBlock)
                return;
            BinaryPrimitives.WriteUInt32LittleEndian(numbers[4..], (uint)next);
            _image.Write(place, numbers);
            next += count;
        }
    }

    private void WriteSuperblock(ErofsNode root, uint blocks)
    {
        Span<byte> super = stackalloc byte[ErofsFormat.SuperblockBytes];
        super.Clear();
        var values = Superblock(root, blocks);
        BinaryPrimitives.WriteUInt32LittleEndian(super, ErofsFormat.Magic);
        BinaryPrimitives.WriteUInt32LittleEndian(super[8..], values.CompatibleFeatures);
        super[12] = (byte)values.BlockBits;
        BinaryPrimitives.WriteUInt16LittleEndian(super[14..], (ushort)values.Root.Nid);
        BinaryPrimitives.WriteUInt64LittleEndian(super[16..], values.Inodes);
        BinaryPrimitives.WriteInt64LittleEndian(super[24..], values.BuildTime.Seconds);
        BinaryPrimitives.WriteInt32LittleEndian(super[32..], values.BuildTime.Nanoseconds);
        BinaryPrimitives.WriteUInt32LittleEndian(super[36..], values.Blocks);
        BinaryPrimitives.WriteUInt32LittleEndian(super[40..], values.MetadataBlock);
        BinaryPrimitives.WriteUInt32LittleEndian(super[44..], values.XattrBlock);
        values.Uuid.TryWriteBytes(super[48..], bigEndian: true, out _);
        values.VolumeName.Span.CopyTo(super[64..]);
        BinaryPrimitives.WriteUInt32LittleEndian(super[80..], values.IncompatibleFeatures);
        BinaryPrimitives.WriteUInt16LittleEndian(super[86..], (ushort)_options.Devices);
        if (_options.Devices > 0)
            BinaryPrimitives.WriteUInt16LittleEndian(super[88..], (ushort)(DeviceTableEnd(0) / ErofsFormat.DeviceSlotBytes));
        _image.Write(ErofsFormat.SuperblockOffset, super);

        byte[] covered = new byte[ErofsFormat.ChecksummedBytes(_blockBytes)];
        _image.Read(ErofsFormat.SuperblockOffset, covered);
        BinaryPrimitives.WriteUInt32LittleEndian(super[4..], ErofsFormat.Crc32C(uint.MaxValue, covered));
        _image.Write(ErofsFormat.SuperblockOffset, super);
    }

    private ErofsSuperblock Superblock(ErofsNode root, uint blocks) => new()
    {
        BlockBits = _options.BlockBits,
        Root = root,
        Inodes = _inodes,
        BuildTime = _options.BuildTime,
        Blocks = blocks,
        MetadataBlock = (uint)(_metadataBase >> _options.BlockBits),
        XattrBlock = (uint)(_metadataBase >> _options.BlockBits),
        Uuid = _options.Uuid,
        VolumeName = _options.VolumeName,
        CompatibleFeatures = ErofsFormat.CompatChecksum | ErofsFormat.CompatMtime,
        IncompatibleFeatures = (_usesChunks ? ErofsFormat.IncompatChunkedFile : 0) | (_options.Devices > 0 ? ErofsFormat.IncompatDeviceTable : 0),
        Devices = [],
    };
}
