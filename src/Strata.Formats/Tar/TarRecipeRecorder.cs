using System.Buffers;
using System.IO.Hashing;
using ZstdSharp;

namespace Strata.Formats.Tar;

/// <summary>
/// Records, while a layer is applied, all that its tar holds beside the contents of its files: headers, padding, order. With it and the files
/// the tar can be rebuilt byte for byte (<see cref="TarRecipe"/>).
/// </summary>
/// <remarks>
/// Streaming: memory does not grow with the layer, but for one small record for each of the rare fix-ups. Raw bytes and contents come from one
/// thread; <see cref="Displaced"/> and <see cref="WrittenAt"/> may come from many. The layout is in docs/design/tar-recipe.md.
/// </remarks>
public sealed class TarRecipeRecorder : IDisposable
{
    private const int BufferSize = 64 * 1024;
    private const int MinZeroRun = 16;
    private readonly Stream _destination;
    private readonly CompressionStream _records;
    private readonly XxHash3 _hash = new();
    private readonly byte[] _buffer = ArrayPool<byte>.Shared.Rent(BufferSize);
    private readonly Lock _fixupsLock = new();
    private readonly List<(EntryPath Path, int Number, long AtEntry)> _displaced = [];
    private readonly List<(long Entry, EntryPath Path)> _writtenAt = [];
    private long _startOffset;
    private int _length;
    private long _tarBytes;
    private bool _disposed;

    /// <summary>Starts a recipe.</summary>
    /// <param name="destination">Where it goes; seekable, since a recipe ends in a pointer. Stays the caller's.</param>
    public TarRecipeRecorder(Stream destination)
    {
        _destination = destination;
        _startOffset = destination.Position;
        destination.Write(RecipeFormat.Magic);
        _records = new CompressionStream(destination, level: 1, leaveOpen: true);
    }

    /// <summary>
    /// What stood at <paramref name="path"/> when entry <paramref name="atEntryIndex"/> came was set aside under <paramref name="number"/>: the
    /// contents of earlier entries at or below that path are found there.
    /// </summary>
    public void Displaced(EntryPath path, int number, long atEntryIndex)
    {
        lock (_fixupsLock)
            _displaced.Add((path, number, atEntryIndex));
    }

    /// <summary>The path of an entry led through a symbolic link of the same layer: its file really stands at <paramref name="actualPath"/>.</summary>
    public void WrittenAt(long entryIndex, EntryPath actualPath)
    {
        lock (_fixupsLock)
            _writtenAt.Add((entryIndex, actualPath));
    }

    /// <summary>Ends the recipe: writes what was held back, the fix-ups and the footer.</summary>
    public void Complete()
    {
        Span<byte> end = [RecipeFormat.RecordEnd];
        Put(end);
        Flush();
        _records.Dispose();
        long fixupsOffset = _destination.Position;
        using (var fixups = new CompressionStream(_destination, level: 1, leaveOpen: true))
            WriteFixups(fixups);
        Span<byte> footer = stackalloc byte[RecipeFormat.FooterBytes];
        RecipeFormat.PutFooter(footer, fixupsOffset - _startOffset, _destination.Position - fixupsOffset, _hash.GetCurrentHashAsUInt64());
        _destination.Write(footer);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (_disposed)
            return;
        _disposed = true;
        _records.Dispose();
        ArrayPool<byte>.Shared.Return(_buffer);
    }

    /// <summary>Bytes of the tar that the recipe holds itself. Runs of zeros, of which headers are full, are counted instead of kept.</summary>
    internal void AddRaw(ReadOnlySpan<byte> bytes)
    {
        _tarBytes += bytes.Length;
        while (!bytes.IsEmpty)
        {
            int zeros = LeadingZeros(bytes);
            if (zeros >= MinZeroRun || zeros == bytes.Length)
            {
                PutHead(RecipeFormat.RecordZeros, (ulong)zeros);
                bytes = bytes[zeros..];
                continue;
            }
            int length = zeros;
            while (length < bytes.Length)
            {
                int next = bytes[length..].IndexOf((byte)0);
                if (next < 0)
                {
                    length = bytes.Length;
                    break;
                }
                length += next;
                int run = LeadingZeros(bytes[length..]);
                if (run >= MinZeroRun)
                    break;
                length += run;
            }
            PutHead(RecipeFormat.RecordRaw, (ulong)length);
            Put(bytes[..length]);
            bytes = bytes[length..];
        }
    }

    /// <summary>Data that the tree keeps: the next <paramref name="packedBytes"/> of the tar are those of the file at <paramref name="path"/>.</summary>
    internal void AddContent(long entryIndex, EntryPath path, long packedBytes, IReadOnlyList<DataExtent>? extents)
    {
        _tarBytes += packedBytes;
        PutHead(RecipeFormat.RecordContent, (ulong)entryIndex);
        PutVarint((ulong)path.Bytes.Length);
        Put(path.Bytes);
        PutVarint((ulong)packedBytes);
        PutVarint((ulong)(extents?.Count ?? 0));
        foreach (var extent in extents ?? [])
        {
            PutVarint((ulong)extent.OffsetBytes);
            PutVarint((ulong)extent.LengthBytes);
        }
    }

    private static int LeadingZeros(ReadOnlySpan<byte> bytes)
    {
        int first = bytes.IndexOfAnyExcept((byte)0);
        return first < 0 ? bytes.Length : first;
    }

    private void WriteFixups(Stream stream)
    {
        using var writer = new BinaryWriter(stream, System.Text.Encoding.UTF8, leaveOpen: true);
        writer.Write(RecipeFormat.Version);
        writer.Write(_tarBytes);
        writer.Write(_displaced.Count);
        // In the order of the entries: the first displacement after an entry is the one that moved it.
        foreach (var (path, number, atEntry) in _displaced.OrderBy(d => d.AtEntry).ThenBy(d => d.Number))
        {
            writer.Write7BitEncodedInt(path.Bytes.Length);
            writer.Write(path.Bytes);
            writer.Write(number);
            writer.Write(atEntry);
        }
        writer.Write(_writtenAt.Count);
        foreach (var (entry, path) in _writtenAt.OrderBy(w => w.Entry))
        {
            writer.Write(entry);
            writer.Write7BitEncodedInt(path.Bytes.Length);
            writer.Write(path.Bytes);
        }
    }

    private void PutHead(byte type, ulong value)
    {
        Span<byte> head = stackalloc byte[11];
        head[0] = type;
        Put(head[..(1 + RecipeFormat.PutVarint(head[1..], value))]);
    }

    private void PutVarint(ulong value)
    {
        Span<byte> bytes = stackalloc byte[10];
        Put(bytes[..RecipeFormat.PutVarint(bytes, value)]);
    }

    private void Put(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length > BufferSize - _length)
            Flush();
        if (bytes.Length > BufferSize)
        {
            _hash.Append(bytes);
            _records.Write(bytes);
            return;
        }
        bytes.CopyTo(_buffer.AsSpan(_length));
        _length += bytes.Length;
    }

    private void Flush()
    {
        _hash.Append(_buffer.AsSpan(0, _length));
        _records.Write(_buffer, 0, _length);
        _length = 0;
    }
}
