using System.Buffers;

namespace Strata.Formats.Tar;

/// <summary>Reads a tar forward, once: v7, ustar, GNU and PAX, sparse files of every kind, names and attributes as bytes.</summary>
/// <remarks>
/// <para>
/// Streaming over one pooled buffer: content is handed out as spans of that buffer. A broken or truncated archive is an error of kind Corrupt
/// that names the offset, never a shorter file. An archive that simply stops between two entries, without the two zero blocks that should
/// end it, is accepted, as GNU tar, libarchive and Go do. What follows the end blocks belongs to the archive's bytes (it is hashed, copied
/// and recorded) but holds no entries. Not safe for many threads.
/// </para>
/// <para>
/// Where the dialects leave a choice, what Go's reader does decides, since Docker and containerd read layers with it: of two extended headers
/// before one entry the last counts; entries that only name something (links, directories, devices, fifos) have no data, whatever their size
/// says; a name that ends in a slash makes a directory only of an entry with typeflag NUL (v7). One addition: a hard link whose PAX header has
/// a size, with no header behind it, is taken to carry data (<c>pax -o linkdata</c>), which is skipped. Types that POSIX does not define are
/// refused rather than read as regular files: Docker and containerd refuse them too. The charset that a PAX header names is ignored: names are bytes.
/// Records of a global header apply to all entries after it, as POSIX has it, until an extended header takes them back with an empty value.
/// Only an extended attribute may be empty: there an empty value is a value.
/// </para>
/// <code>
/// using var reader = new TarReader(stream);
/// while (reader.ReadNext(cancellationToken) is { } entry)
///     for (var chunk = reader.Content.ReadChunk(65536); !chunk.IsEmpty; chunk = reader.Content.ReadChunk(65536)) …
/// </code>
/// <para>Sources: POSIX.1-2017 pax; GNU tar manual, "Tar Internals"; libarchive tar(5).</para>
/// </remarks>
public sealed partial class TarReader : IDisposable
{
    private readonly Stream _source;
    private readonly LayerLimits _limits;
    private readonly TarRecipeRecorder? _recorder;
    private readonly Stream? _rawCopy;
    private int _rawFrom;
    private readonly bool _leaveOpen;
    private readonly PaxRecords _pax = new();
    private readonly TarContent _content;
    private PaxRecords? _globalPax;
    private byte[]? _buffer;
    private int _start;
    private int _end;
    private bool _sourceEnded;
    private bool _finished;
    private long _contentTotal;
    private byte[] _extended = [];
    private byte[] _local = [];
    private long _extendedTotal;
    private StrataException? _failure;

    /// <summary>Starts reading; nothing is read yet.</summary>
    /// <param name="source">The uncompressed tar. Disposed with the reader unless <see cref="TarReaderOptions.LeaveOpen"/> says otherwise.</param>
    /// <param name="options">Limits and listeners, or null.</param>
    public TarReader(Stream source, TarReaderOptions? options = null)
    {
        options ??= new TarReaderOptions();
        _source = source;
        _limits = options.Limits;
        _recorder = options.Recorder;
        _rawCopy = options.RawCopy;
        _leaveOpen = options.LeaveOpen;
        _buffer = ArrayPool<byte>.Shared.Rent(Math.Max(TarHeader.BlockSize, options.BufferBytes));
        _content = new TarContent(this);
    }

    /// <summary>Which entry the reader stands at; -1 before the first.</summary>
    public long EntryIndex { get; private set; } = -1;

    /// <summary>Where the current entry's own header block begins in the tar.</summary>
    public long HeaderOffsetBytes { get; private set; }

    /// <summary>Where the current entry's packed data begins in the tar; -1: it has none.</summary>
    public long DataOffsetBytes { get; private set; } = -1;

    /// <summary>How many bytes of the tar have been passed.</summary>
    public long PositionBytes { get; private set; }

    /// <summary>The content of the current entry; nothing for all but regular files.</summary>
    public EntryContent Content => _content;

    /// <summary>Goes to the next entry; null at the end, after the source was read to its end. What is left of the current content is skipped.</summary>
    /// <exception cref="StrataException">Corrupt: the tar is broken. Exhausted: a limit. NotSupported: a type that no layer holds.</exception>
    public TarEntry? ReadNext(CancellationToken cancellationToken = default)
    {
        ObjectDisposedException.ThrowIf(_buffer is null, this);
        // Behind an error nobody knows whether the next block is a header or somebody's data: the error stays.
        if (_failure is not null)
            throw new StrataException(_failure.Kind, _failure.Message, _failure);
        if (_finished)
            return null;
        try
        {
            return FindNext(cancellationToken);
        }
        catch (StrataException e)
        {
            _failure = e;
            throw;
        }
    }

    /// <summary>
    /// Tells the recorder where the current entry's content will stand in the tree, so that the recipe refers to it instead of holding it.
    /// Call it after <see cref="ReadNext"/> and before content is read.
    /// </summary>
    public void ReferenceContent(EntryPath path) => _content.ReferenceAs(path);

    /// <summary>
    /// Tells what is no tar at all from what is a broken one: true if a tar can begin with these bytes, be the rest as it may. That is, with a
    /// header whose checksum is right, one that says it is a header though its checksum is wrong, or the zeros of an empty archive.
    /// </summary>
    /// <param name="start">The first 512 bytes, or all that there are.</param>
    public static bool CanBegin(ReadOnlySpan<byte> start) =>
        start.Length >= TarHeader.BlockSize
        && start[..TarHeader.BlockSize] is var block
        && (TarHeader.IsZero(block) || TarHeader.ChecksumIsRight(block) || block[257..].StartsWith("ustar"u8));

    /// <inheritdoc/>
    public void Dispose()
    {
        if (_buffer is null)
            return;
        ArrayPool<byte>.Shared.Return(_buffer);
        _buffer = null;
        if (!_leaveOpen)
            _source.Dispose();
    }

    internal static StrataException OverLimit(string what, string limit) =>
        StrataException.Exhausted($"The layer was refused: {what}. Raise the limit {limit} if you trust it.");

    private static StrataException Broken(string what, long offsetBytes) =>
        StrataException.Corrupt($"The tar is broken: {what} (at offset {offsetBytes}).");

    private TarEntry? FindNext(CancellationToken cancellationToken)
    {
        SkipContent(cancellationToken);
        byte[]? gnuName = null, gnuLink = null;
        int localBytes = -1;
        long localOffset = 0;
        _extendedTotal = 0;
        while (true)
        {
            cancellationToken.ThrowIfCancellationRequested();
            long offset = PositionBytes;
            var block = PeekBlock();
            if (block.IsEmpty || TarHeader.IsZero(block))
            {
                if (gnuName is not null || gnuLink is not null || localBytes >= 0)
                    throw Broken("an extended header has no entry after it", offset);
                ReadEnd(block.IsEmpty, cancellationToken);
                return null;
            }
            if (!TarHeader.ChecksumIsRight(block))
                throw Broken("a header has a wrong checksum", offset);
            byte type = block[156];
            if (!TarHeader.TryNumber(block.Slice(124, 12), out long size) || size < 0)
                throw Broken("a header has a size that is no number", offset);
            switch (type)
            {
                case (byte)'x' or (byte)'X':
                    localBytes = ReadExtended(size, offset, ref _local).Length;
                    localOffset = offset;
                    continue;
                case (byte)'g':
                    _globalPax ??= new PaxRecords();
                    _globalPax.Parse(ReadExtended(size, offset, ref _extended), _limits, offset);
                    continue;
                case (byte)'L':
                    gnuName = TarHeader.Cut(ReadExtended(size, offset, ref _extended)).ToArray();
                    continue;
                case (byte)'K':
                    gnuLink = TarHeader.Cut(ReadExtended(size, offset, ref _extended)).ToArray();
                    continue;
                case (byte)'V': // a volume label of GNU tar: no file
                    ReadExtended(size, offset, ref _extended);
                    continue;
            }
            if (++EntryIndex >= _limits.MaxEntries)
                throw OverLimit($"it has more than {_limits.MaxEntries} entries", nameof(LayerLimits.MaxEntries));
            HeaderOffsetBytes = offset;
            _pax.ResetTo(_globalPax);
            if (localBytes > 0)
                _pax.Parse(_local.AsSpan(0, localBytes), _limits, localOffset);
            return ReadEntry(block, type, size, gnuName, gnuLink, cancellationToken);
        }
    }

    private TarEntry ReadEntry(
        ReadOnlySpan<byte> block, byte typeFlag, long storedSize, byte[]? gnuName, byte[]? gnuLink, CancellationToken cancellationToken)
    {
        byte[] name = _pax.SparseName ?? _pax.Path ?? gnuName ?? HeaderName(block);
        var type = typeFlag switch
        {
            0 or (byte)'0' or (byte)'7' or (byte)'S' => name.AsSpan().EndsWith("/"u8) && typeFlag == 0 ? TarEntryType.Directory : TarEntryType.RegularFile,
            >= (byte)'1' and <= (byte)'6' => (TarEntryType)typeFlag,
            _ => throw StrataException.NotSupported(
                $"The tar has an entry of type '{EntryPath.Display([typeFlag])}' (at offset {HeaderOffsetBytes}), which no layer can hold: '{EntryPath.Display(name)}'."),
        };
        long packed = _pax.Size ?? storedSize;
        if (packed < 0)
            throw Broken($"the entry '{EntryPath.Display(name)}' has a negative size", HeaderOffsetBytes);
        long linkData = type == TarEntryType.HardLink ? _pax.Size ?? 0 : 0;
        // A header that only names something has no data, whatever its size says: some writers put a linked file's size there.
        if (type != TarEntryType.RegularFile)
            packed = 0;
        int mode = (int)(Number(block.Slice(100, 8), "mode") & 0xFFF);
        uint uid = Id(_pax.Uid ?? Number(block.Slice(108, 8), "uid"), "uid", name);
        uint gid = Id(_pax.Gid ?? Number(block.Slice(116, 8), "gid"), "gid", name);
        var mtime = _pax.Mtime ?? new FileTime(Number(block.Slice(136, 12), "mtime"), 0);
        uint major = 0, minor = 0;
        if (type is TarEntryType.CharDevice or TarEntryType.BlockDevice)
        {
            major = Device(block.Slice(329, 8), name);
            minor = Device(block.Slice(337, 8), name);
        }
        byte[] link = type is TarEntryType.HardLink or TarEntryType.Symlink
            ? _pax.LinkPath ?? gnuLink ?? TarHeader.LinkName(block).ToArray()
            : [];
        long sizeBytes = packed;
        List<DataExtent>? extents = null;
        if (typeFlag == (byte)'S')
        {
            extents = ReadGnuSparse(block, ref sizeBytes);
        }
        else
        {
            Consume(TarHeader.BlockSize);
            if (type == TarEntryType.RegularFile && (_pax.SparseSize is not null || _pax.SparseMap is not null || _pax.SparseMajor >= 0))
                extents = ReadPaxSparse(ref packed, ref sizeBytes);
            else if (linkData > 0 && !HeaderIsNext())
                SkipLinkData(linkData, cancellationToken);
        }
        if (extents is not null)
            CheckExtents(extents, packed, sizeBytes, name);
        _contentTotal += sizeBytes;
        if (_contentTotal > _limits.MaxContentBytes || _contentTotal < 0)
            throw OverLimit($"its files have more than {_limits.MaxContentBytes} bytes together", nameof(LayerLimits.MaxContentBytes));
        DataOffsetBytes = packed > 0 ? PositionBytes : -1;
        _content.Begin(sizeBytes, packed, extents);
        return new TarEntry
        {
            Name = name,
            Type = type,
            LinkName = link,
            Mode = mode,
            Uid = uid,
            Gid = gid,
            Mtime = mtime,
            SizeBytes = sizeBytes,
            DeviceMajor = major,
            DeviceMinor = minor,
            Xattrs = _pax.ListXattrs(),
            Extents = extents,
        };
    }

    private bool HeaderIsNext()
    {
        var next = PeekBlock();
        return next.IsEmpty || TarHeader.IsZero(next) || TarHeader.ChecksumIsRight(next);
    }

    private static byte[] HeaderName(ReadOnlySpan<byte> block)
    {
        var name = TarHeader.Name(block);
        var prefix = TarHeader.IsPosix(block) ? TarHeader.Prefix(block) : default;
        return prefix.IsEmpty ? name.ToArray() : [.. prefix, (byte)'/', .. name];
    }

    private long Number(ReadOnlySpan<byte> field, string what) =>
        TarHeader.TryNumber(field, out long value) ? value : throw Broken($"a header has a {what} that is no number", HeaderOffsetBytes);

    /// <summary>IDs are 32 bits wide on Linux, the highest means "none": anything else must not be cut to fit (CVE-2024-40635).</summary>
    private uint Id(long value, string what, byte[] name) =>
        value is >= 0 and < uint.MaxValue
            ? (uint)value
            : throw StrataException.InvalidArgument(
                $"The entry '{EntryPath.Display(name)}' (at offset {HeaderOffsetBytes}) has the {what} {value}; Linux has 0 to 4294967294.");

    private uint Device(ReadOnlySpan<byte> field, byte[] name)
    {
        long value = Number(field, "device number");
        return value is >= 0 and <= uint.MaxValue
            ? (uint)value
            : throw StrataException.InvalidArgument($"The device '{EntryPath.Display(name)}' has the number {value}, which is out of range.");
    }

    /// <summary>The data of an extended header, its block consumed; it lies in <paramref name="into"/>, which grows as needed.</summary>
    private ReadOnlySpan<byte> ReadExtended(long size, long offset, ref byte[] into)
    {
        if (size > _limits.MaxExtendedHeaderBytes - _extendedTotal)
            throw OverLimit($"the extended headers of one entry have more than {_limits.MaxExtendedHeaderBytes} bytes (at offset {offset})", nameof(LayerLimits.MaxExtendedHeaderBytes));
        _extendedTotal += size;
        Consume(TarHeader.BlockSize);
        if (into.Length < size)
            into = new byte[Math.Max((int)size, 4096)];
        var data = into.AsSpan(0, (int)size);
        ReadRaw(data);
        SkipPadding(size);
        return data;
    }
}
