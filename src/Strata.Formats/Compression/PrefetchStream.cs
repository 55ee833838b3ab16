using System.Collections.Concurrent;
using System.Runtime.ExceptionServices;

namespace Strata.Formats.Compression;

/// <summary>
/// Reads a stream on a thread of its own, some buffers ahead, so that decompressing and hashing run on one core and writing on another.
/// </summary>
/// <remarks>An error of the inner stream comes out of <see cref="Read(Span{byte})"/>, after the bytes before it. Disposing stops the thread and waits for it.</remarks>
public sealed class PrefetchStream : ReadOnlyStream
{
    private const int Buffers = 4;
    private readonly Stream _inner;
    private readonly BlockingCollection<byte[]> _free = [];
    private readonly BlockingCollection<(byte[] Bytes, int Length)> _filled = [];
    private readonly CancellationTokenSource _stop = new();
    private readonly Thread _thread;
    private Exception? _error;
    private (byte[] Bytes, int Length) _current;
    private int _position;
    private bool _ended;

    /// <summary>Starts reading at once.</summary>
    /// <param name="inner">Disposed with this.</param>
    /// <param name="bufferBytes">The size of each of the four buffers.</param>
    public PrefetchStream(Stream inner, int bufferBytes = 256 * 1024)
    {
        _inner = inner;
        for (int i = 0; i < Buffers; i++)
            _free.Add(new byte[bufferBytes]);
        _thread = new Thread(Run) { IsBackground = true, Name = "prefetch" };
        _thread.Start();
    }

    /// <inheritdoc/>
    public override int Read(Span<byte> buffer)
    {
        if (_ended || buffer.IsEmpty)
            return 0;
        if (_position == _current.Length)
        {
            if (_current.Bytes is not null)
                _free.Add(_current.Bytes);
            _position = 0;
            _current = default;
            if (!_filled.TryTake(out _current, Timeout.Infinite))
            {
                _ended = true;
                if (_error is not null)
                    ExceptionDispatchInfo.Throw(_error);
                return 0;
            }
        }
        int count = Math.Min(buffer.Length, _current.Length - _position);
        _current.Bytes.AsSpan(_position, count).CopyTo(buffer);
        _position += count;
        return count;
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (disposing && _thread.IsAlive)
        {
            _stop.Cancel();
            _thread.Join();
        }
        if (disposing)
        {
            _inner.Dispose();
            _free.Dispose();
            _filled.Dispose();
            _stop.Dispose();
        }
        base.Dispose(disposing);
    }

    private void Run()
    {
        try
        {
            while (true)
            {
                byte[] buffer = _free.Take(_stop.Token);
                int length = 0;
                while (length < buffer.Length && !_stop.IsCancellationRequested)
                {
                    int read = _inner.Read(buffer, length, buffer.Length - length);
                    if (read == 0)
                        break;
                    length += read;
                }
                if (length == 0)
                    return;
                _filled.Add((buffer, length), _stop.Token);
            }
        }
        catch (OperationCanceledException) when (_stop.IsCancellationRequested)
        {
            // the reader went away
        }
        catch (Exception e)
        {
            _error = e; // thrown where the bytes are read
        }
        finally
        {
            _filled.CompleteAdding();
        }
    }
}
