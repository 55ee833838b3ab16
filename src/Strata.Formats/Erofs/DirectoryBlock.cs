using System.Buffers.Binary;

namespace Strata.Formats.Erofs;

/// <summary>One block of a directory: 12 bytes for each entry, the names behind them. Every access is checked.</summary>
internal readonly ref struct DirectoryBlock
{
    private readonly ReadOnlySpan<byte> _bytes;
    private readonly ErofsNode _directory;

    /// <param name="bytes">The block; the last one of a directory ends with its last name.</param>
    /// <param name="directory">For messages.</param>
    internal DirectoryBlock(ReadOnlySpan<byte> bytes, ErofsNode directory)
    {
        _bytes = bytes;
        _directory = directory;
        int names = bytes.Length < ErofsFormat.DirentBytes ? 0 : BinaryPrimitives.ReadUInt16LittleEndian(bytes[8..]);
        if (names < ErofsFormat.DirentBytes || names % ErofsFormat.DirentBytes != 0 || names >= bytes.Length)
            throw Broken("its first name lies elsewhere than behind the entries");
        Count = names / ErofsFormat.DirentBytes;
    }

    internal int Count { get; }

    internal ErofsNode Node(int index) => new(BinaryPrimitives.ReadUInt64LittleEndian(_bytes[(index * ErofsFormat.DirentBytes)..]));

    internal EntryKind Kind(int index) =>
        ErofsFormat.TryKindOfFileType(_bytes[(index * ErofsFormat.DirentBytes) + 10], out var kind) ? kind : throw Broken("an entry has an unknown type");

    internal ReadOnlySpan<byte> Name(int index)
    {
        int start = NameOffset(index);
        bool last = index == Count - 1;
        int end = last ? _bytes.Length : NameOffset(index + 1);
        if (start < Count * ErofsFormat.DirentBytes || start >= end || end > _bytes.Length)
            throw Broken("a name lies outside or before its predecessor");
        var name = _bytes[start..end];
        int nul = name.IndexOf((byte)0);
        if (last && nul >= 0)
            name = name[..nul];
        if (name.Length is 0 or > ErofsFormat.MaxNameBytes || name.IndexOfAny((byte)'/', (byte)0) >= 0)
            throw Broken("a name is empty, too long or has a slash or a NUL in it");
        return name;
    }

    private int NameOffset(int index) => BinaryPrimitives.ReadUInt16LittleEndian(_bytes[((index * ErofsFormat.DirentBytes) + 8)..]);

    private StrataException Broken(string why) => StrataException.Corrupt($"Directory {_directory.Nid} of the EROFS image is broken: {why}. Make the image anew.");
}
