using System.Buffers.Binary;

namespace Strata.Formats.Erofs;

/// <content>Directories: planned when their size is known, written when all inodes are.</content>
public sealed partial class ErofsImageWriter
{
    /// <summary>The room that is kept for the root's inode near the image's start, where the 16 bits of root_nid reach.</summary>
    private const int RootBytes = 256;
    private readonly byte[] _direntBytes;
    private readonly byte[] _nameBytes;
    private readonly byte[] _lastName = new byte[ErofsFormat.MaxNameBytes];
    private ErofsNode? _root;
    private long _plannedDirectories;
    private long _writtenDirectories;

    /// <summary>Gives a directory its place and number. The first one planned is the root.</summary>
    /// <param name="attributes">Its attributes.</param>
    /// <param name="entries">How many children it has.</param>
    /// <param name="nameBytesTotal">How many bytes all their names have.</param>
    /// <exception cref="StrataException">InvalidArgument: the attributes or the numbers. NotSupported, Exhausted: as for files.</exception>
    public ErofsNode PlanDirectory(in ErofsAttributes attributes, int entries, long nameBytesTotal) =>
        PlanDirectory(attributes, entries, nameBytesTotal, isRoot: _root is null);

    /// <summary>Writes a planned directory. In the order of planning writing goes forward only.</summary>
    /// <param name="directory">Which one.</param>
    /// <param name="parent">Its parent; the root's is the root.</param>
    /// <param name="linkCount">2 and one for each child directory.</param>
    /// <param name="children">In the order of their names' bytes.</param>
    /// <exception cref="StrataException">InvalidArgument: the children are out of order, have bad names, or are others than planned.</exception>
    public void WriteDirectory(ErofsNode directory, ErofsNode parent, uint linkCount, IEnumerable<ErofsChild> children) =>
        WriteDirectory(directory, parent, linkCount, children, out _);

    /// <summary>As above; tells too where the directory names its parent, for <see cref="SetParent"/>.</summary>
    internal void WriteDirectory(ErofsNode directory, ErofsNode parent, uint linkCount, IEnumerable<ErofsChild> children, out long parentPlace)
    {
        Span<byte> inode = stackalloc byte[ErofsFormat.ExtendedBytes];
        long place = ReadInode(directory, inode);
        int head = HeadBytes(inode);
        long planned = BinaryPrimitives.ReadUInt32LittleEndian(inode[8..]);
        bool isInline = ((inode[0] >> 1) & 7) == ErofsFormat.LayoutInline;
        var writer = new DirectoryWriter(this, isInline ? place + head + XattrBytes(inode) : -1, isInline ? (int)planned : _blockBytes);
        writer.WriteAll(directory, parent, children);
        if (writer.EntryBytes != planned)
            throw StrataException.InvalidArgument($"Directory {directory.Nid} was planned with {planned} bytes of entries and got {writer.EntryBytes}.");
        if (writer.SizeBytes > uint.MaxValue && head == ErofsFormat.CompactBytes)
            throw StrataException.Exhausted($"Directory {directory.Nid} is too large for the inode that it was planned with.");
        BinaryPrimitives.WriteUInt32LittleEndian(inode[8..], (uint)writer.SizeBytes);
        if (head == ErofsFormat.ExtendedBytes)
            BinaryPrimitives.WriteInt64LittleEndian(inode[8..], writer.SizeBytes);
        if (!isInline)
            BinaryPrimitives.WriteUInt32LittleEndian(inode[16..], (uint)(writer.FirstBlockPlace >> _options.BlockBits));
        SetLinkCount(inode, linkCount);
        _image.Write(place, inode[..head]);
        _writtenDirectories++;
        parentPlace = writer.ParentPlace;
    }

    /// <summary>Says which directory a written one lies in.</summary>
    internal void SetParent(long parentPlace, ErofsNode parent)
    {
        Span<byte> nid = stackalloc byte[8];
        BinaryPrimitives.WriteUInt64LittleEndian(nid, parent.Nid);
        _image.Write(parentPlace, nid);
    }

    /// <summary>Looks a name up in a directory that was written.</summary>
    internal (ErofsNode Node, EntryKind Kind)? FindChild(ErofsNode directory, ReadOnlySpan<byte> name)
    {
        var reader = new ErofsReader(_image, Superblock(directory, 0), _end);
        return reader.TryFind(reader.ReadInode(directory), name, out var entry) ? (entry.Node, entry.Kind) : null;
    }

    internal ErofsNode PlanDirectory(in ErofsAttributes attributes, int entries, long nameBytesTotal, bool isRoot)
    {
        if (entries < 0 || nameBytesTotal < entries || nameBytesTotal > (long)entries * ErofsFormat.MaxNameBytes)
            throw StrataException.InvalidArgument($"A directory with {entries} entries can't have names of {nameBytesTotal} bytes in all: each has 1 to {ErofsFormat.MaxNameBytes}.");
        if (isRoot && _root is not null)
            throw StrataException.FailedPrecondition("The root was planned already.");
        Begin(attributes);
        long bytes = ((entries + 2L) * ErofsFormat.DirentBytes) + nameBytesTotal + 3;
        // A directory takes the extended form where its final size might not fit: blocks are at least half full.
        int form = FormBytes(attributes, bytes * 4, entries + 2L);
        long place = isRoot ? PlaceRoot(attributes, ref form, bytes, out bool isInline) : PlaceDirectory(form, bytes, out isInline);
        if (bytes > uint.MaxValue)
            throw StrataException.Exhausted($"A directory with {entries} entries is too large for an EROFS image.");
        WriteInode(place, form, attributes, EntryKind.Directory, bytes, isInline ? ErofsFormat.LayoutInline : ErofsFormat.LayoutPlain, 0);
        _plannedDirectories++;
        var node = NodeAt(place);
        if (isRoot)
            _root = node;
        return node;
    }

    private long PlaceDirectory(int form, long bytes, out bool isInline)
    {
        int head = form + _xattrs.WrittenCount;
        isInline = FitsInline(head, bytes);
        return Allocate(head + (isInline ? bytes : 0), isInline ? (int)bytes : 0);
    }

    private long PlaceRoot(in ErofsAttributes attributes, ref int form, long bytes, out bool isInline)
    {
        int head = form + _xattrs.WrittenCount;
        if (head > RootBytes)
        {
            // Too large for the place that was kept: behind what is written, as long as that is near enough; else shared.
            if ((_end + PageBytes + head - _metadataBase) / ErofsFormat.NidBytes <= ushort.MaxValue)
                return PlaceDirectory(form, bytes, out isInline);
            EncodeXattrs(attributes.Xattrs, shareAll: true);
            head = form + _xattrs.WrittenCount;
            if (head > RootBytes)
                throw StrataException.NotSupported($"A root directory with {attributes.Xattrs.Count} extended attributes can't be written to a large EROFS image.");
        }
        isInline = head + bytes <= RootBytes;
        return _rootPlace;
    }

    /// <summary>True if data goes behind its inode: together they fit a block, or the data alone does behind a large head.</summary>
    private bool FitsInline(int head, long bytes) => bytes <= _blockBytes - ErofsFormat.ExtendedBytes && (head + bytes <= _blockBytes || head > _blockBytes / 2);

    /// <summary>The blocks of one directory: 12 bytes for each entry from the start, then the names; sorted inside and over blocks.</summary>
    private sealed class DirectoryWriter
    {
        private readonly ErofsImageWriter _writer;
        private readonly long _inlinePlace;
        private readonly int _limit;
        private readonly byte[] _entries;
        private readonly byte[] _names;
        private readonly byte[] _last;
        private int _lastLength = -1;
        private int _entryBytes;
        private int _nameBytes;
        private long _blocks;
        private int _parentEntry = -1;

        internal DirectoryWriter(ErofsImageWriter writer, long inlinePlace, int limit)
        {
            _writer = writer;
            _inlinePlace = inlinePlace;
            _limit = limit;
            _entries = writer._direntBytes;
            _names = writer._nameBytes;
            _last = writer._lastName;
        }

        internal long EntryBytes { get; private set; }

        internal long SizeBytes { get; private set; }

        internal long FirstBlockPlace { get; private set; }

        /// <summary>Where the entry <c>..</c> is.</summary>
        internal long ParentPlace { get; private set; }

        internal void WriteAll(ErofsNode self, ErofsNode parent, IEnumerable<ErofsChild> children)
        {
            int dots = 0;
            foreach (var child in children)
            {
                var name = child.Name.Span;
                if (name.Length is 0 or > ErofsFormat.MaxNameBytes || name.IndexOfAny((byte)'/', (byte)0) >= 0 || name.SequenceEqual("."u8) || name.SequenceEqual(".."u8))
                    throw StrataException.InvalidArgument($"'{EntryPath.Display(name)}' can't be a name in a directory.");
                if (dots == 0 && name.SequenceCompareTo("."u8) > 0)
                    Add("."u8, self, EntryKind.Directory, ref dots);
                if (dots == 1 && name.SequenceCompareTo(".."u8) > 0)
                    Add(".."u8, parent, EntryKind.Directory, ref dots);
                Add(name, child.Node, child.Kind);
            }
            if (dots == 0)
                Add("."u8, self, EntryKind.Directory, ref dots);
            if (dots == 1)
                Add(".."u8, parent, EntryKind.Directory, ref dots);
            Flush(last: true);
        }

        private void Add(ReadOnlySpan<byte> name, ErofsNode node, EntryKind kind, ref int dots)
        {
            Add(name, node, kind);
            if (++dots == 2)
                _parentEntry = _entryBytes - ErofsFormat.DirentBytes;
        }

        private void Add(ReadOnlySpan<byte> name, ErofsNode node, EntryKind kind)
        {
            if (_lastLength >= 0 && name.SequenceCompareTo(_last.AsSpan(0, _lastLength)) <= 0)
                throw StrataException.InvalidArgument($"The name '{EntryPath.Display(name)}' does not follow '{EntryPath.Display(_last.AsSpan(0, _lastLength))}' in the order of bytes.");
            name.CopyTo(_last);
            _lastLength = name.Length;
            int more = ErofsFormat.DirentBytes + name.Length;
            EntryBytes += more;
            if (_entryBytes + _nameBytes + more > _limit)
                Flush(last: false);
            var entry = _entries.AsSpan(_entryBytes, ErofsFormat.DirentBytes);
            BinaryPrimitives.WriteUInt64LittleEndian(entry, node.Nid);
            BinaryPrimitives.WriteUInt16LittleEndian(entry[8..], (ushort)_nameBytes);
            entry[10] = ErofsFormat.FileType(kind);
            entry[11] = 0;
            name.CopyTo(_names.AsSpan(_nameBytes));
            _entryBytes += ErofsFormat.DirentBytes;
            _nameBytes += name.Length;
        }

        private void Flush(bool last)
        {
            if (_inlinePlace >= 0 && !last)
                throw StrataException.InvalidArgument($"A directory got more entries than the {_limit} bytes that it was planned with.");
            for (int i = 0; i < _entryBytes; i += ErofsFormat.DirentBytes)
            {
                var offset = _entries.AsSpan(i + 8, 2);
                BinaryPrimitives.WriteUInt16LittleEndian(offset, (ushort)(BinaryPrimitives.ReadUInt16LittleEndian(offset) + _entryBytes));
            }
            long place = _inlinePlace;
            if (place < 0)
            {
                place = _writer.AllocateBlocks(_limit);
                FirstBlockPlace = _blocks == 0 ? place : FirstBlockPlace;
            }
            _writer._image.Write(place, _entries.AsSpan(0, _entryBytes));
            _writer._image.Write(place + _entryBytes, _names.AsSpan(0, _nameBytes));
            SizeBytes = (_blocks * _limit) + _entryBytes + _nameBytes;
            _blocks++;
            if (_parentEntry >= 0)
                ParentPlace = place + _parentEntry;
            _parentEntry = -1;
            _entryBytes = _nameBytes = 0;
        }
    }
}
