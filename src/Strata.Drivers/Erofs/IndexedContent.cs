using System.Buffers;
using Strata.Formats.Erofs;
using Strata.Linux;

namespace Strata.Drivers.Erofs;

/// <summary>The content of a file of an index, read from where the index points.</summary>
internal sealed class IndexedContent : EntryContent, IDisposable
{
    private const int BufferBytes = 256 * 1024;
    private readonly FileDescriptor _file;
    private readonly long _start;
    private readonly byte[] _buffer;
    private long _read;

    /// <param name="inode">The file; not empty.</param>
    /// <param name="place">Where it lies.</param>
    /// <param name="open">Opens a device by its number.</param>
    internal IndexedContent(ErofsInode inode, ErofsExtent place, Func<int, FileDescriptor> open)
    {
        SizeBytes = inode.SizeBytes;
        _start = place.DeviceOffsetBytes;
        _file = open(place.Device);
        _buffer = ArrayPool<byte>.Shared.Rent((int)Math.Min(BufferBytes, SizeBytes));
    }

    public override long SizeBytes { get; }

    public override ReadOnlySpan<byte> ReadChunk(int maxBytes)
    {
        int wanted = (int)Math.Min(Math.Min(maxBytes, _buffer.Length), SizeBytes - _read);
        if (wanted == 0)
            return default;
        int read = FileCalls.ReadAt(_file, _buffer.AsSpan(0, wanted), _start + _read);
        if (read == 0)
            throw StrataException.Corrupt($"A layer below is damaged: its tar ends at byte {_start + _read}, inside a file. Load its image again.");
        _read += read;
        return _buffer.AsSpan(0, read);
    }

    public void Dispose()
    {
        _file.Dispose();
        ArrayPool<byte>.Shared.Return(_buffer);
    }
}
