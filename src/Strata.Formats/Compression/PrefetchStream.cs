using System.Buffers;
using System.Runtime.ExceptionServices;

namespace Strata.Formats.Compression;

/// <summary>
/// Reads a stream on a thread of its own, some buffers ahead, so that decompressing and hashing run on one core and writing on another.
/// </summary>
/// <remarks>
/// <para>Starts at once. An error of the inner stream comes out of <see cref="Read(Span{byte})"/>, after the bytes before it, and again at each
/// further call. One thread reads; disposing stops the inner reading after the call under way, waits for it and disposes the inner stream. (A
/// call that waits for a pipe or socket can't be stopped: close the other end.)</para>
/// <para>Memory: four pooled buffers.</para>
/// </remarks>
public sealed class PrefetchStream : ReadOnlyStream
{
    private const int Buffers = 4;
    private readonly Stream _inner;
    private readonly bool _leaveOpen;
    private readonly int _bufferBytes;
    private readonly byte[][] _buffers = new byte[Buffers][];
    private readonly int[] _lengths = new int[Buffers];
    private readonly SemaphoreSlim _free = new(Buffers);
    private readonly SemaphoreSlim _filled = new(0);
    private readonly Thread _thread;
    private volatile bool _stop;
    private Exception? _error;
    private int _slot;
    private int _position;
    private bool _holdsSlot;
    private bool _ended;
    private bool _disposed;

    /// <summary>Starts reading at once.</summary>
    /// <param name="inner">Read by the thread only; disposed with this unless <paramref name="leaveOpen"/>.</param>
    /// <param name="bufferBytes">The size of each of the four buffers.</param>
    /// <param name="leaveOpen">True: <paramref name="inner"/> stays open.</param>
    public PrefetchStream(Stream inner, int bufferBytes = 256 * 1024, bool leaveOpen = false)
    {
        ArgumentNullException.ThrowIfNull(inner);
        ArgumentOutOfRangeException.ThrowIfLessThan(bufferBytes, 1);
        _inner = inner;
        _leaveOpen = leaveOpen;
        _bufferBytes = bufferBytes;
        for (int i = 0; i < Buffers; i++)
            _buffers[i] = ArrayPool<byte>.Shared.Rent(bufferBytes);
        _thread = new Thread(Run) { IsBackground = true, Name = "prefetch" };
        _thread.Start();
    }

    /// <inheritdoc/>
    public override int Read(Span<byte> buffer)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        if (buffer.IsEmpty)
            return 0;
        if (!_holdsSlot && !_ended)
        {
            _filled.Wait();
            _holdsSlot = true;
            _position = 0;
            _ended = _lengths[_slot] == 0; // an empty buffer is the last one
        }
        if (_ended)
        {
            if (_error is not null)
                ExceptionDispatchInfo.Throw(_error);
            return 0;
        }
        int count = Math.Min(buffer.Length, _lengths[_slot] - _position);
        _buffers[_slot].AsSpan(_position, count).CopyTo(buffer);
        _position += count;
        if (_position == _lengths[_slot])
        {
            _holdsSlot = false;
            _slot = (_slot + 1) % Buffers;
            _free.Release();
        }
        return count;
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (disposing && !_disposed)
        {
            _disposed = true;
            _stop = true;
            _free.Release(); // wakes the thread if it waits for a buffer
            _thread.Join();
            foreach (byte[] buffer in _buffers)
                ArrayPool<byte>.Shared.Return(buffer);
            _free.Dispose();
            _filled.Dispose();
            if (!_leaveOpen)
                _inner.Dispose();
        }
        base.Dispose(disposing);
    }

    private void Run()
    {
        for (int slot = 0, length = -1; length != 0; slot = (slot + 1) % Buffers)
        {
            _free.Wait();
            if (_stop)
                return;
            length = Fill(_buffers[slot]);
            _lengths[slot] = length;
            _filled.Release();
        }
    }

    /// <summary>Fills a buffer as far as the inner stream goes; 0 at its end and after an error.</summary>
    private int Fill(byte[] buffer)
    {
        int length = 0;
        try
        {
            while (length < _bufferBytes && !_stop && _error is null)
            {
                int read = _inner.Read(buffer, length, _bufferBytes - length);
                if (read == 0)
                    break;
                length += read;
            }
        }
        catch (Exception e)
        {
            _error = e; // thrown where the bytes are read, after those that came before it
        }
        return length;
    }
}
