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
    private readonly XxHash3 _hash = new();
    private CompressionStream _frame;
    private readonly byte[] _buffer = ArrayPool<byte>.Shared.Rent(BufferSize);
    private readonly Lock _fixupsLock = new();
    private readonly List<(EntryPath Path, int Number, long AtEntry)> _displaced = [];
    private readonly List<(long Entry, EntryPath Path)> _writtenAt = [];
    private readonly long _startOffset;
    private int _length;
    private long _tarBytes;
    private bool _completed;
    private bool _disposed;

    /// <summary>Starts a recipe.</summary>
    /// <param name="destination">Where it goes; seekable, since a recipe ends in a pointer. Stays the caller's.</param>
    public TarRecipeRecorder(Stream destination)
    {
        _destination = destination;
        _startOffset = destination.Position;
        destination.Write(RecipeFormat.Magic);
        _frame = new CompressionStream(destination, level: 1, leaveOpen: true);
    }

    /// <summary>
    /// What stood at <paramref name="path"/> when entry <paramref name="atEntryIndex"/> came was set aside under <paramref name="number"/>: the
    /// contents of earlier entries at or below that path are found there.
    /// </summary>
    public void Displaced(EntryPath path, int number, long atEntryIndex)
    {
        lock (_fixupsLock)
        {
            ThrowIfCompleted();
            _displaced.Add((path, number, atEntryIndex));
        }
    }

    /// <summary>The path of an entry led through a symbolic link of the same layer: its file really stands at <paramref name="actualPath"/>.</summary>
    public void WrittenAt(long entryIndex, EntryPath actualPath)
    {
        lock (_fixupsLock)
        {
            ThrowIfCompleted();
            _writtenAt.Add((entryIndex, actualPath));
        }
    }

    /// <summary>Ends the recipe: writes what was held back, the fix-ups and the footer. Once, after the reader came to the tar's end.</summary>
    public void Complete()
    {
        lock (_fixupsLock)
        {
            ThrowIfCompleted();
            _completed = true;
        }
        Span<byte> end = [RecipeFormat.RecordEnd];
        Put(end);
        Flush();
        _frame.Dispose();
        ulong recordsHash = _hash.GetCurrentHashAsUInt64();
        _hash.Reset();
        long fixupsOffset = _destination.Position;
        _frame = new CompressionStream(_destination, level: 1, leaveOpen: true);
        PutFixups();
        Flush();
        _frame.Dispose();
        Span<byte> footer = stackalloc byte[RecipeFormat.FooterBytes];
        RecipeFormat.PutFooter(
            footer, fixupsOffset - _startOffset, _destination.Position - fixupsOffset, recordsHash, _hash.GetCurrentHashAsUInt64());
        _destination.Write(footer);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (_disposed)
            return;
        _disposed = true;
        if (!_completed)
            _frame.Dispose();
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
    internal void AddContent(long entryIndex, EntryPath path, long packedBytes, long sizeBytes, IReadOnlyList<DataExtent>? extents)
    {
        _tarBytes += packedBytes;
        PutHead(RecipeFormat.RecordContent, (ulong)entryIndex);
        PutPath(path);
        PutVarint((ulong)sizeBytes);
        PutVarint((ulong)(extents?.Count ?? 0));
        long end = 0;
        for (int i = 0; i < extents?.Count; i++)
        {
            PutVarint((ulong)(extents[i].OffsetBytes - end));
            PutVarint((ulong)extents[i].LengthBytes);
            end = extents[i].OffsetBytes + extents[i].LengthBytes;
        }
    }

    private static int LeadingZeros(ReadOnlySpan<byte> bytes)
    {
        int first = bytes.IndexOfAnyExcept((byte)0);
        return first < 0 ? bytes.Length : first;
    }

    private void PutFixups()
    {
        PutVarint((ulong)_tarBytes);
        PutVarint((ulong)_displaced.Count);
        // In the order of the entries: the first displacement after an entry is the one that moved it.
        foreach (var (path, number, atEntry) in _displaced.OrderBy(d => d.AtEntry).ThenBy(d => d.Number))
        {
            PutPath(path);
            PutVarint((ulong)number);
            PutVarint((ulong)atEntry);
        }
        PutVarint((ulong)_writtenAt.Count);
        foreach (var (entry, path) in _writtenAt.OrderBy(w => w.Entry))
        {
            PutVarint((ulong)entry);
            PutPath(path);
        }
    }

    private void ThrowIfCompleted()
    {
        if (_completed)
            throw new InvalidOperationException("The recipe is complete; nothing can be added to it.");
    }

    private void PutPath(EntryPath path)
    {
        PutVarint((ulong)path.Bytes.Length);
        Put(path.Bytes);
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
            _frame.Write(bytes);
            return;
        }
        bytes.CopyTo(_buffer.AsSpan(_length));
        _length += bytes.Length;
    }

    private void Flush()
    {
        _hash.Append(_buffer.AsSpan(0, _length));
        _frame.Write(_buffer, 0, _length);
        _length = 0;
    }
}
