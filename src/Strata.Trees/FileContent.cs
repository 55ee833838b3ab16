using System.Buffers;
using Strata.Linux;

namespace Strata.Trees;

/// <summary>The content of a file on disk: its data, holes left out. Owns the file.</summary>
public sealed class FileContent : EntryContent, IDisposable
{
    private const int BufferSize = 256 * 1024;
    private readonly FileDescriptor _file;
    private readonly EntryPath _shown;
    private readonly List<DataExtent>? _extents;
    private readonly long _dataBytes;
    private byte[]? _buffer;
    private int _extent;
    private long _within;
    private long _read;

    /// <summary>Opens a file's content.</summary>
    /// <param name="file">The file, opened for reading; owned from now on.</param>
    /// <param name="status">Its status.</param>
    /// <param name="shown">Its path, for messages.</param>
    public FileContent(FileDescriptor file, FileStatus status, EntryPath shown)
    {
        _file = file;
        _shown = shown;
        SizeBytes = status.SizeBytes;
        _dataBytes = SizeBytes;
        // Fewer blocks than bytes: there may be holes (or compression).
        if (status.Blocks * 512 < status.SizeBytes)
        {
            _extents = [];
            _dataBytes = 0;
            for (long offset = 0; FileCalls.FindData(file, offset, SizeBytes, out var extent); offset = extent.OffsetBytes + extent.LengthBytes)
            {
                _extents.Add(extent);
                _dataBytes += extent.LengthBytes;
            }
            if (_dataBytes == SizeBytes)
                _extents = null;
        }
    }

    /// <inheritdoc/>
    public override long SizeBytes { get; }

    /// <inheritdoc/>
    public override IReadOnlyList<DataExtent>? Extents => _extents;

    /// <inheritdoc/>
    public override ReadOnlySpan<byte> ReadChunk(int maxBytes)
    {
        if (_read == _dataBytes)
            return default;
        _buffer ??= ArrayPool<byte>.Shared.Rent((int)Math.Min(BufferSize, Math.Max(_dataBytes, 16)));
        long left = _dataBytes - _read;
        long offset = _read;
        if (_extents is not null)
        {
            if (_within == _extents[_extent].LengthBytes)
            {
                _extent++;
                _within = 0;
            }
            left = _extents[_extent].LengthBytes - _within;
            offset = _extents[_extent].OffsetBytes + _within;
        }
        int count = (int)Math.Min(Math.Min(left, maxBytes), _buffer.Length);
        int read = FileCalls.ReadAt(_file, _buffer.AsSpan(0, count), offset);
        if (read == 0)
            throw StrataException.Corrupt($"{_shown} became shorter while it was read.");
        _within += read;
        _read += read;
        return _buffer.AsSpan(0, read);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _file.Dispose();
        if (_buffer is not null)
            ArrayPool<byte>.Shared.Return(_buffer);
        _buffer = null;
    }
}
