using Strata.Linux;

namespace Strata.Drivers.Erofs;

/// <summary>Writes the rest of a file past the page cache (open(2), O_DIRECT), on a thread of its own, so that whoever makes the bytes need not wait for the disk.</summary>
/// <remarks>One thread writes into it. An error of the disk comes out of the next call. Memory: three buffers of a megabyte.</remarks>
internal sealed class DirectWriter : IDisposable
{
    private const int Buffers = 3;
    private const int BufferBytes = 1 << 20;
    private readonly string _path;
    private readonly AlignedBuffer[] _buffers = new AlignedBuffer[Buffers];
    private readonly int[] _lengths = new int[Buffers]; // 0: the end
    private readonly SemaphoreSlim _free = new(Buffers);
    private readonly SemaphoreSlim _filled = new(0);
    private readonly Thread _thread;
    private FileDescriptor _file;
    private long _offsetBytes;
    private int _slot;
    private int _fill;
    private bool _holdsSlot;
    private volatile Exception? _error;
    private bool _ended;

    private DirectWriter(string path, FileDescriptor file, long offsetBytes)
    {
        _path = path;
        _file = file;
        _offsetBytes = offsetBytes;
        for (int i = 0; i < Buffers; i++)
            _buffers[i] = new AlignedBuffer(BufferBytes);
        _thread = new Thread(Run) { IsBackground = true, Name = "write" };
        _thread.Start();
    }

    /// <summary>Opens a file that is there; null: its file system can't.</summary>
    /// <param name="path">The file.</param>
    /// <param name="offsetBytes">Where the writing begins: a multiple of <see cref="AlignedBuffer.Alignment"/>.</param>
    internal static DirectWriter? TryOpen(string path, long offsetBytes)
    {
        var errno = FileCalls.TryOpenAt(FileCalls.CurrentDirectory, System.Text.Encoding.UTF8.GetBytes(path), OpenFlags.WriteOnly | OpenFlags.Direct, 0, out var file);
        return errno switch
        {
            Errno.None => new DirectWriter(path, file!, offsetBytes),
            Errno.EINVAL => null,
            _ => throw new LinuxException(errno, "open", path),
        };
    }

    /// <summary>Takes bytes; waits for the disk only when all buffers are full.</summary>
    internal void Write(ReadOnlySpan<byte> bytes)
    {
        while (!bytes.IsEmpty)
        {
            Take();
            int count = Math.Min(bytes.Length, BufferBytes - _fill);
            bytes[..count].CopyTo(_buffers[_slot].Span[_fill..]);
            bytes = bytes[count..];
            _fill += count;
            if (_fill == BufferBytes)
                Hand(BufferBytes);
        }
    }

    /// <summary>Writes what has come, waits until all of it is written, and cuts what is more than whole blocks off into the page cache.</summary>
    /// <param name="cached">The same file, opened without O_DIRECT.</param>
    internal void Complete(FileDescriptor cached)
    {
        int whole = _fill / AlignedBuffer.Alignment * AlignedBuffer.Alignment;
        byte[] rest = _fill == 0 ? [] : _buffers[_slot].Span[whole.._fill].ToArray();
        if (whole > 0)
            Hand(whole);
        End();
        if (_error is { } error)
            throw error;
        var errno = FileCalls.TryWriteAllAt(cached.Number, rest, _offsetBytes);
        if (errno != Errno.None)
            throw new LinuxException(errno, "write", _path);
    }

    /// <summary>Waits for the call under way; what has come after it is not written.</summary>
    public void Dispose()
    {
        _error ??= new ObjectDisposedException(nameof(DirectWriter));
        End();
        foreach (var buffer in _buffers)
            buffer.Dispose();
        _file.Dispose();
        _free.Dispose();
        _filled.Dispose();
    }

    private void Take()
    {
        if (_error is { } error)
            throw error;
        if (_holdsSlot)
            return;
        _free.Wait();
        _holdsSlot = true;
        _fill = 0;
    }

    private void Hand(int lengthBytes)
    {
        _lengths[_slot] = lengthBytes;
        _slot = (_slot + 1) % Buffers;
        _holdsSlot = false;
        _fill = 0;
        _filled.Release();
    }

    private void End()
    {
        if (_ended)
            return;
        _ended = true;
        if (!_holdsSlot)
            _free.Wait();
        Hand(0);
        _thread.Join();
    }

    private void Run()
    {
        for (int slot = 0; ; slot = (slot + 1) % Buffers)
        {
            _filled.Wait();
            int length = _lengths[slot];
            if (length == 0)
                return;
            if (_error is null)
            {
                _error = TryWrite(_buffers[slot].Span[..length]);
                _offsetBytes += length;
            }
            _free.Release();
        }
    }

    private LinuxException? TryWrite(ReadOnlySpan<byte> bytes)
    {
        var errno = FileCalls.TryWriteAllAt(_file.Number, bytes, _offsetBytes);
        if (errno == Errno.EINVAL)
        {
            // It was opened, but can't be written so: a device with larger blocks, or a file system that looks only now. Through the cache, then.
            errno = FileCalls.TryOpenAt(FileCalls.CurrentDirectory, System.Text.Encoding.UTF8.GetBytes(_path), OpenFlags.WriteOnly, 0, out var cached);
            if (errno != Errno.None)
                return new LinuxException(errno, "open", _path);
            _file.Dispose();
            _file = cached!;
            errno = FileCalls.TryWriteAllAt(_file.Number, bytes, _offsetBytes);
        }
        return errno == Errno.None ? null : new LinuxException(errno, "write", _path);
    }
}
