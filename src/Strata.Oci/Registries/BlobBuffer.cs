using System.Buffers;
using System.Runtime.ExceptionServices;

namespace Strata.Oci.Registries;

/// <summary>What was downloaded and not yet read: in memory up to a limit, and past it in a file, but only while that helps.</summary>
/// <remarks>
/// One task writes, one thread reads. A blob that is being read waits for its reader, so that the network runs no faster than the unpacking. One
/// that nobody reads yet waits too, unless some reader starves: then the network is what all wait for, and it goes on into a file.
/// </remarks>
internal sealed class BlobBuffer : IDisposable
{
    private const int MaxMemoryBytes = 2 << 20;
    private static readonly TimeSpan _starving = TimeSpan.FromMilliseconds(50);
    private readonly Func<FileStream> _openSpill;
    private readonly BlobDownloads _downloads;
    private readonly Lock _gate = new();
    private readonly SemaphoreSlim _filled = new(0);
    private readonly SemaphoreSlim _drained = new(0);
    private readonly Queue<(byte[] Bytes, int Count)> _memory = new();
    private long _memoryBytes;
    private int _taken;
    private FileStream? _spill;
    private long _spillRead;
    private long _spillWritten;
    private bool _opened;
    private bool _completed;
    private bool _disposed;
    private Exception? _error;

    internal BlobBuffer(BlobDownloads downloads, Func<FileStream> openSpill)
    {
        _downloads = downloads;
        _openSpill = openSpill;
    }

    /// <summary>Somebody reads it from now on.</summary>
    internal void Open()
    {
        lock (_gate)
            _opened = true;
        _drained.Release();
    }

    /// <summary>Adds bytes; waits while there is no room.</summary>
    internal async Task WriteAsync(byte[] bytes, int count, CancellationToken cancellationToken)
    {
        while (!TryWrite(bytes, count))
        {
            cancellationToken.ThrowIfCancellationRequested();
            // Woken by the reader; that somebody else starves is looked at now and then.
            await _drained.WaitAsync(_starving, cancellationToken).ConfigureAwait(false);
        }
    }

    /// <summary>Nothing more comes.</summary>
    /// <param name="error">Why, if it is not the end; thrown where it is read.</param>
    internal void Complete(Exception? error)
    {
        lock (_gate)
        {
            _completed = true;
            _error = error;
        }
        _filled.Release();
    }

    /// <summary>Takes bytes; waits until there are some. 0: the end.</summary>
    internal int Read(Span<byte> buffer, CancellationToken cancellationToken)
    {
        bool starves = false;
        try
        {
            while (true)
            {
                lock (_gate)
                {
                    ObjectDisposedException.ThrowIf(_disposed, this);
                    int read = TryRead(buffer);
                    if (read > 0)
                        return read;
                    if (_completed)
                    {
                        if (_error is not null)
                            ExceptionDispatchInfo.Throw(_error);
                        return 0;
                    }
                }
                if (!_filled.Wait(_starving, cancellationToken) && !starves)
                {
                    starves = true;
                    _downloads.Starves(1);
                }
            }
        }
        finally
        {
            if (starves)
                _downloads.Starves(-1);
        }
    }

    public void Dispose()
    {
        lock (_gate)
        {
            _disposed = true;
            while (_memory.TryDequeue(out var chunk))
                ArrayPool<byte>.Shared.Return(chunk.Bytes);
            _memoryBytes = 0;
            _spill?.Dispose();
            _spill = null;
        }
        _drained.Release();
    }

    private bool TryWrite(byte[] bytes, int count)
    {
        lock (_gate)
        {
            if (_disposed)
                throw new OperationCanceledException("Nobody wants the blob any more.");
            if (_spillRead == _spillWritten && _memoryBytes < MaxMemoryBytes)
            {
                byte[] copy = ArrayPool<byte>.Shared.Rent(count);
                bytes.AsSpan(0, count).CopyTo(copy);
                _memory.Enqueue((copy, count));
                _memoryBytes += count;
            }
            else if (!_opened && _downloads.SomebodyStarves)
            {
                _spill ??= _openSpill();
                RandomAccess.Write(_spill.SafeFileHandle, bytes.AsSpan(0, count), _spillWritten);
                _spillWritten += count;
            }
            else
            {
                return false;
            }
        }
        if (_filled.CurrentCount == 0)
            _filled.Release();
        return true;
    }

    /// <summary>Memory first: while there is anything in the file, nothing is added to memory, so it is older.</summary>
    private int TryRead(Span<byte> buffer)
    {
        int read = 0;
        while (read < buffer.Length && _memory.TryPeek(out var chunk))
        {
            int count = Math.Min(buffer.Length - read, chunk.Count - _taken);
            chunk.Bytes.AsSpan(_taken, count).CopyTo(buffer[read..]);
            read += count;
            _taken += count;
            if (_taken < chunk.Count)
                continue;
            _memory.Dequeue();
            _memoryBytes -= chunk.Count;
            _taken = 0;
            ArrayPool<byte>.Shared.Return(chunk.Bytes);
        }
        if (read == 0 && _spillRead < _spillWritten)
        {
            int count = (int)Math.Min(buffer.Length, _spillWritten - _spillRead);
            read = RandomAccess.Read(_spill!.SafeFileHandle, buffer[..count], _spillRead);
            if (read == 0)
                throw StrataException.Corrupt("A temporary file of the store became shorter while it was read.");
            _spillRead += read;
        }
        if (read > 0 && _drained.CurrentCount == 0)
            _drained.Release();
        return read;
    }
}
