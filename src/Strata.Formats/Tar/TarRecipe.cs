using System.Buffers;
using System.Buffers.Binary;
using ZstdSharp;

namespace Strata.Formats.Tar;

/// <summary>A recorded recipe: rebuilds a layer's tar from its files, byte for byte.</summary>
/// <remarks>
/// The recipe itself is checked against its checksums. Whether the files are still what they were is for the caller to find out, by hashing what
/// is written and comparing it with the diff ID; a file that is missing or of another size is an error here already. Not safe for many threads.
/// Layout: docs/design/tar-recipe.md.
/// </remarks>
public sealed class TarRecipe
{
    private const int BufferSize = 256 * 1024;
    private readonly Stream _recipe;
    private readonly long _fixupsOffset;
    private readonly ulong _recordsHash;
    private readonly Dictionary<EntryPath, List<(long AtEntry, int Number)>> _displaced = [];
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
        Span<byte> magic = stackalloc byte[RecipeFormat.Magic.Length];
        if (recipe.Length < magic.Length + footer.Length)
            throw Broken("it is too short");
        recipe.Position = 0;
        recipe.ReadExactly(magic);
        recipe.Position = recipe.Length - footer.Length;
        recipe.ReadExactly(footer);
        if (!magic.SequenceEqual(RecipeFormat.Magic) || !footer[40..].SequenceEqual(RecipeFormat.Magic))
            throw Broken("it does not begin and end as one");
        uint version = BinaryPrimitives.ReadUInt32LittleEndian(footer[32..]);
        if (version != RecipeFormat.Version)
            throw StrataException.NotSupported($"The tar recipe is of version {version}; this program knows version {RecipeFormat.Version}.");
        long offset = BinaryPrimitives.ReadInt64LittleEndian(footer);
        long length = BinaryPrimitives.ReadInt64LittleEndian(footer[8..]);
        if (offset < magic.Length || length < 0 || offset > recipe.Length - footer.Length || length != recipe.Length - footer.Length - offset)
            throw Broken("its footer points outside");
        var opened = new TarRecipe(recipe, offset, BinaryPrimitives.ReadUInt64LittleEndian(footer[16..]));
        recipe.Position = offset;
        try
        {
            using var fixups = new DecompressionStream(new StreamWindow(recipe, length), leaveOpen: true);
            opened.ReadFixups(new RecipeRecordReader(fixups), BinaryPrimitives.ReadUInt64LittleEndian(footer[24..]));
        }
        catch (Exception e) when (e is ZstdException or EndOfStreamException)
        {
            throw Broken("its fix-ups can't be read", e);
        }
        return opened;
    }

    /// <summary>Writes the tar.</summary>
    /// <param name="contents">The files of the layer. Stays the caller's.</param>
    /// <param name="destination">Where the tar goes. Not closed. After an error it holds a part of the tar.</param>
    /// <param name="cancellationToken">Ends it early.</param>
    /// <exception cref="StrataException">Corrupt: the recipe is broken, or a file is missing or not as long as it was.</exception>
    public void WriteTar(IRecipeContents contents, Stream destination, CancellationToken cancellationToken = default)
    {
        _recipe.Position = RecipeFormat.Magic.Length;
        byte[] buffer = ArrayPool<byte>.Shared.Rent(BufferSize);
        try
        {
            using var records = new DecompressionStream(new StreamWindow(_recipe, _fixupsOffset - RecipeFormat.Magic.Length), leaveOpen: true);
            var reader = new RecipeRecordReader(records);
            var output = new BufferedOutput(destination, buffer, TarBytes);
            for (byte type = reader.ReadByte(); type != RecipeFormat.RecordEnd; type = reader.ReadByte())
            {
                cancellationToken.ThrowIfCancellationRequested();
                long value = reader.ReadVarint();
                switch (type)
                {
                    case RecipeFormat.RecordRaw:
                        for (long left = value; left > 0;)
                        {
                            var space = output.Space(left);
                            reader.Read(space);
                            output.Advance(space.Length);
                            left -= space.Length;
                        }
                        break;
                    case RecipeFormat.RecordZeros:
                        for (long left = value; left > 0;)
                        {
                            var space = output.Space(left);
                            space.Clear();
                            output.Advance(space.Length);
                            left -= space.Length;
                        }
                        break;
                    case RecipeFormat.RecordContent:
                        WriteContent(value, reader, contents, output, cancellationToken);
                        break;
                    default:
                        throw Broken($"it has a record of the unknown type {type}");
                }
            }
            if (reader.HashOfAll() != _recordsHash)
                throw Broken("its checksum is wrong");
            if (output.WrittenBytes != TarBytes)
                throw Broken($"it gives {output.WrittenBytes} bytes instead of {TarBytes}");
            output.Flush();
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

    internal static StrataException Broken(string why, Exception? inner = null) =>
        StrataException.Corrupt($"The tar recipe is broken: {why}. The layer's tar can't be rebuilt from its files; load the layer again.", inner);

    private void ReadFixups(RecipeRecordReader reader, ulong expectedHash)
    {
        TarBytes = reader.ReadVarint();
        for (long left = reader.ReadVarint(); left > 0; left--)
        {
            var path = reader.ReadPath();
            long number = reader.ReadVarint();
            if (number > int.MaxValue)
                throw Broken("a number in it is too large");
            if (!_displaced.TryGetValue(path, out var list))
                _displaced.Add(path, list = []);
            list.Add((reader.ReadVarint(), (int)number));
        }
        for (long left = reader.ReadVarint(); left > 0; left--)
        {
            long entry = reader.ReadVarint();
            _writtenAt[entry] = reader.ReadPath();
        }
        if (reader.HashOfAll() != expectedHash)
            throw Broken("the checksum of its fix-ups is wrong");
    }

    private void WriteContent(
        long entry, RecipeRecordReader reader, IRecipeContents contents, BufferedOutput output, CancellationToken cancellationToken)
    {
        var path = reader.ReadPath();
        long size = reader.ReadVarint();
        long count = reader.ReadVarint();
        if (_writtenAt.TryGetValue(entry, out var actual))
            path = actual;
        using var file = OpenContent(entry, path, contents);
        if (file.Length != size)
            throw StrataException.Corrupt($"The layer's file {path} has {file.Length} bytes instead of {size}; the layer can't be given back as it came.");
        if (count == 0)
        {
            Copy(file, size, path, output, cancellationToken);
            return;
        }
        long end = 0;
        for (; count > 0; count--)
        {
            long gap = reader.ReadVarint();
            long length = reader.ReadVarint();
            if (gap > size - end || length > size - end - gap)
                throw Broken($"the map of the sparse file {path} does not fit its size");
            if (gap > 0)
                file.Position = end + gap;
            Copy(file, length, path, output, cancellationToken);
            end += gap + length;
        }
    }

    private static void Copy(Stream file, long count, EntryPath path, BufferedOutput output, CancellationToken cancellationToken)
    {
        while (count > 0)
        {
            cancellationToken.ThrowIfCancellationRequested();
            int read = file.Read(output.Space(count));
            if (read == 0)
                throw StrataException.Corrupt($"The layer's file {path} ends {count} bytes early; the layer can't be given back as it came.");
            output.Advance(read);
            count -= read;
        }
    }

    private Stream OpenContent(long entry, EntryPath path, IRecipeContents contents)
    {
        try
        {
            return FindDisplaced(entry, path) is { } found
                ? contents.OpenDisplaced(found.Number, EntryPath.Create(path.Bytes[found.At.Bytes.Length..]))
                : contents.Open(path);
        }
        catch (StrataException e) when (e.Kind == ErrorKind.NotFound)
        {
            throw StrataException.Corrupt($"The layer's file {path} is missing; the layer can't be given back as it came.", e);
        }
    }

    /// <summary>The first displacement after an entry, of its path or of a directory above it, is the one that took its file along.</summary>
    private (EntryPath At, int Number)? FindDisplaced(long entry, EntryPath path)
    {
        if (_displaced.Count == 0)
            return null;
        (EntryPath At, long AtEntry, int Number)? first = null;
        for (var at = path; !at.IsRoot; at = at.Parent)
        {
            if (!_displaced.TryGetValue(at, out var list))
                continue;
            int low = 0, high = list.Count; // recorded in the order of the entries
            while (low < high)
            {
                int middle = (low + high) / 2;
                if (list[middle].AtEntry > entry)
                    high = middle;
                else
                    low = middle + 1;
            }
            if (low < list.Count && (first is null || list[low].AtEntry < first.Value.AtEntry))
                first = (at, list[low].AtEntry, list[low].Number);
        }
        return first is { } found ? (found.At, found.Number) : null;
    }

    /// <summary>Gathers small pieces into few writes, and never gives out more than the tar's size: a broken recipe can't fill a disk.</summary>
    private sealed class BufferedOutput(Stream destination, byte[] buffer, long limitBytes)
    {
        private int _length;

        internal long WrittenBytes { get; private set; }

        /// <summary>Room for some of <paramref name="wanted"/> bytes, at least one; <see cref="Advance"/> says how many were used.</summary>
        internal Span<byte> Space(long wanted)
        {
            if (wanted > limitBytes - WrittenBytes)
                throw Broken($"it gives more than {limitBytes} bytes");
            if (_length == buffer.Length)
                Flush();
            return buffer.AsSpan(_length, (int)Math.Min(wanted, buffer.Length - _length));
        }

        internal void Advance(int count)
        {
            _length += count;
            WrittenBytes += count;
        }

        internal void Flush()
        {
            destination.Write(buffer, 0, _length);
            _length = 0;
        }
    }
}
