using System.Buffers;
using System.Buffers.Binary;
using System.IO.Hashing;
using ZstdSharp;

namespace Strata.Formats.Tar;

/// <summary>A recorded recipe: rebuilds a layer's tar from its files, byte for byte.</summary>
/// <remarks>
/// The recipe itself is checked against its checksum. Whether the files are still what they were is for the caller to find out, by hashing what
/// is written and comparing it with the diff ID; a file that is missing or too short is an error here already. Layout: docs/design/tar-recipe.md.
/// </remarks>
public sealed class TarRecipe
{
    private readonly Stream _recipe;
    private readonly long _fixupsOffset;
    private readonly ulong _recordsHash;
    private readonly List<(EntryPath Path, int Number, long AtEntry)> _displaced = [];
    private readonly Dictionary<long, EntryPath> _writtenAt = [];

    private TarRecipe(Stream recipe, long fixupsOffset, ulong recordsHash)
    {
        _recipe = recipe;
        _fixupsOffset = fixupsOffset;
        _recordsHash = recordsHash;
    }

    /// <summary>The size of the tar.</summary>
    public long TarBytes { get; private set; }

    /// <summary>Opens a recipe.</summary>
    /// <param name="recipe">Seekable; holds one recipe from offset 0 to its end. Stays the caller's, and open while this is used.</param>
    /// <exception cref="StrataException">Corrupt: it is no recipe, or it is broken. NotSupported: it is of a later version.</exception>
    public static TarRecipe Open(Stream recipe)
    {
        Span<byte> footer = stackalloc byte[RecipeFormat.FooterBytes];
        if (recipe.Length < RecipeFormat.Magic.Length + RecipeFormat.FooterBytes)
            throw Broken("it is too short");
        recipe.Position = recipe.Length - RecipeFormat.FooterBytes;
        recipe.ReadExactly(footer);
        if (!footer[24..].SequenceEqual(RecipeFormat.Magic))
            throw Broken("it does not end as one");
        long offset = BinaryPrimitives.ReadInt64LittleEndian(footer);
        long length = BinaryPrimitives.ReadInt64LittleEndian(footer[8..]);
        if (offset < RecipeFormat.Magic.Length || length < 0 || offset + length != recipe.Length - RecipeFormat.FooterBytes)
            throw Broken("its footer points outside");
        var opened = new TarRecipe(recipe, offset, BinaryPrimitives.ReadUInt64LittleEndian(footer[16..]));
        recipe.Position = offset;
        try
        {
            using var fixups = new DecompressionStream(new Window(recipe, length), leaveOpen: true);
            using var reader = new BinaryReader(fixups);
            opened.ReadFixups(reader);
        }
        catch (Exception e) when (e is ZstdException or EndOfStreamException or FormatException)
        {
            throw Broken("its fix-ups can't be read", e);
        }
        return opened;
    }

    /// <summary>Writes the tar.</summary>
    /// <param name="contents">The files of the layer.</param>
    /// <param name="destination">Where the tar goes. Not closed.</param>
    /// <param name="cancellationToken">Ends it early.</param>
    /// <exception cref="StrataException">Corrupt: the recipe is broken, or a file is missing or shorter than it was.</exception>
    public void WriteTar(IRecipeContents contents, Stream destination, CancellationToken cancellationToken = default)
    {
        _recipe.Position = RecipeFormat.Magic.Length;
        byte[] buffer = ArrayPool<byte>.Shared.Rent(256 * 1024);
        try
        {
            using var records = new DecompressionStream(new Window(_recipe, _fixupsOffset - RecipeFormat.Magic.Length), leaveOpen: true);
            var reader = new RecordReader(records);
            long written = 0;
            while (true)
            {
                cancellationToken.ThrowIfCancellationRequested();
                byte type = reader.ReadByte();
                if (type == RecipeFormat.RecordEnd)
                    break;
                long value = reader.ReadVarint();
                switch (type)
                {
                    case RecipeFormat.RecordRaw:
                        for (long left = value; left > 0;)
                        {
                            int count = (int)Math.Min(left, buffer.Length);
                            reader.Read(buffer.AsSpan(0, count));
                            destination.Write(buffer, 0, count);
                            left -= count;
                        }
                        written += value;
                        break;
                    case RecipeFormat.RecordZeros:
                        Array.Clear(buffer);
                        for (long left = value; left > 0; left -= Math.Min(left, buffer.Length))
                            destination.Write(buffer, 0, (int)Math.Min(left, buffer.Length));
                        written += value;
                        break;
                    case RecipeFormat.RecordContent:
                        written += WriteContent(value, reader, contents, destination, buffer);
                        break;
                    default:
                        throw Broken($"it has a record of the unknown type {type}");
                }
            }
            if (reader.Hash != _recordsHash)
                throw Broken("its checksum is wrong");
            if (written != TarBytes)
                throw Broken($"it gives {written} bytes instead of {TarBytes}");
        }
        catch (Exception e) when (e is ZstdException or EndOfStreamException)
        {
            throw Broken("its records can't be read", e);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    private static StrataException Broken(string why, Exception? inner = null) =>
        StrataException.Corrupt($"The tar recipe is broken: {why}. The layer's tar can't be rebuilt from its files; load the layer again.", inner);

    private void ReadFixups(BinaryReader reader)
    {
        uint version = reader.ReadUInt32();
        if (version != RecipeFormat.Version)
            throw StrataException.NotSupported($"The tar recipe is of version {version}; this program knows version {RecipeFormat.Version}.");
        TarBytes = reader.ReadInt64();
        for (int left = reader.ReadInt32(); left > 0; left--)
            _displaced.Add((ReadPath(reader), reader.ReadInt32(), reader.ReadInt64()));
        for (int left = reader.ReadInt32(); left > 0; left--)
            _writtenAt[reader.ReadInt64()] = ReadPath(reader);
    }

    private static EntryPath ReadPath(BinaryReader reader)
    {
        int length = reader.Read7BitEncodedInt();
        return length is >= 0 and < 1 << 20 && EntryPath.TryCreate(reader.ReadBytes(length), out var path)
            ? path
            : throw Broken("a path in it is none");
    }

    private long WriteContent(long entry, RecordReader reader, IRecipeContents contents, Stream destination, byte[] buffer)
    {
        byte[] raw = new byte[Math.Min(reader.ReadVarint(), 1 << 20)];
        reader.Read(raw);
        if (!EntryPath.TryCreate(raw, out var path))
            throw Broken("a path in it is none");
        long packed = reader.ReadVarint();
        var extents = new DataExtent[Math.Min(reader.ReadVarint(), 1 << 24)];
        for (int i = 0; i < extents.Length; i++)
            extents[i] = new DataExtent(reader.ReadVarint(), reader.ReadVarint());
        if (_writtenAt.TryGetValue(entry, out var actual))
            path = actual;
        using var file = OpenContent(entry, path, contents);
        if (extents.Length == 0)
            extents = [new DataExtent(0, packed)];
        foreach (var extent in extents)
        {
            if (extent.OffsetBytes != 0)
                file.Position = extent.OffsetBytes;
            for (long left = extent.LengthBytes; left > 0;)
            {
                int read = file.Read(buffer, 0, (int)Math.Min(left, buffer.Length));
                if (read == 0)
                    throw StrataException.Corrupt($"The layer's file {path} is shorter than when it was applied; the layer can't be given back as it came.");
                destination.Write(buffer, 0, read);
                left -= read;
            }
        }
        return packed;
    }

    private Stream OpenContent(long entry, EntryPath path, IRecipeContents contents)
    {
        try
        {
            foreach (var (displaced, number, atEntry) in _displaced)
            {
                if (atEntry > entry && path.IsAtOrBelow(displaced))
                {
                    var rest = path.Bytes[displaced.Bytes.Length..];
                    return contents.OpenDisplaced(number, EntryPath.Create(rest));
                }
            }
            return contents.Open(path);
        }
        catch (StrataException e) when (e.Kind == ErrorKind.NotFound)
        {
            throw StrataException.Corrupt($"The layer's file {path} is missing; the layer can't be given back as it came.", e);
        }
    }

    /// <summary>Reads records and hashes them.</summary>
    private sealed class RecordReader(Stream source)
    {
        private readonly XxHash3 _hash = new();
        private readonly byte[] _buffer = new byte[64 * 1024];
        private int _start;
        private int _end;

        internal ulong Hash => _hash.GetCurrentHashAsUInt64();

        internal byte ReadByte()
        {
            if (_start == _end)
                Fill();
            return _buffer[_start++];
        }

        internal long ReadVarint()
        {
            ulong value = 0;
            for (int shift = 0; shift < 64; shift += 7)
            {
                byte b = ReadByte();
                value |= (ulong)(b & 0x7F) << shift;
                if ((b & 0x80) == 0)
                    return value <= long.MaxValue ? (long)value : throw Broken("a number in it is too large");
            }
            throw Broken("a number in it does not end");
        }

        internal void Read(Span<byte> destination)
        {
            while (!destination.IsEmpty)
            {
                if (_start == _end)
                    Fill();
                int count = Math.Min(_end - _start, destination.Length);
                _buffer.AsSpan(_start, count).CopyTo(destination);
                destination = destination[count..];
                _start += count;
            }
        }

        private void Fill()
        {
            _start = 0;
            _end = source.Read(_buffer);
            if (_end == 0)
                throw new EndOfStreamException();
            _hash.Append(_buffer.AsSpan(0, _end));
        }
    }

    /// <summary>A stretch of a stream, so that a decompressor does not read past its frame.</summary>
    private sealed class Window(Stream inner, long length) : Stream
    {
        private long _left = length;

        public override bool CanRead => true;

        public override bool CanSeek => false;

        public override bool CanWrite => false;

        public override long Length => throw new NotSupportedException();

        public override long Position
        {
            get => throw new NotSupportedException();
            set => throw new NotSupportedException();
        }

        public override int Read(Span<byte> buffer)
        {
            int count = inner.Read(buffer[..(int)Math.Min(_left, buffer.Length)]);
            _left -= count;
            return count;
        }

        public override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count));

        public override void Flush()
        {
        }

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();

        public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();
    }
}
