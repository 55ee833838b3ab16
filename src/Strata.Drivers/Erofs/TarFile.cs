using Strata.Formats.Compression;
using Strata.Linux;

namespace Strata.Drivers.Erofs;

/// <summary>The file that a layer's tar is written to. The kernel is asked to write it out while it grows, so that the sync at the end is short.</summary>
internal sealed class TarFile : WriteOnlyStream
{
    private const int BufferBytes = 1 << 20;
    private const long WriteOutStepBytes = 8 << 20;
    private readonly string _path;
    private readonly FileDescriptor _file;
    private readonly byte[] _buffer = GC.AllocateUninitializedArray<byte>(BufferBytes);
    private int _buffered;
    private long _writtenBytes;
    private long _startedBytes;

    internal TarFile(string path)
    {
        _path = path;
        _file = FileCalls.Open(path, OpenFlags.ReadWrite | OpenFlags.Create | OpenFlags.Truncate, 0x180);
    }

    /// <summary>How many bytes came.</summary>
    internal long SizeBytes => _writtenBytes + _buffered;

    /// <inheritdoc/>
    public override void Write(ReadOnlySpan<byte> buffer)
    {
        while (!buffer.IsEmpty)
        {
            if (_buffered == 0 && buffer.Length >= BufferBytes)
            {
                WriteOut(buffer[..BufferBytes]);
                buffer = buffer[BufferBytes..];
                continue;
            }
            int count = Math.Min(buffer.Length, BufferBytes - _buffered);
            buffer[..count].CopyTo(_buffer.AsSpan(_buffered));
            _buffered += count;
            buffer = buffer[count..];
            if (_buffered == BufferBytes)
                Flush();
        }
    }

    /// <inheritdoc/>
    public override void Flush()
    {
        WriteOut(_buffer.AsSpan(0, _buffered));
        _buffered = 0;
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (disposing)
            _file.Dispose();
        base.Dispose(disposing);
    }

    private void WriteOut(ReadOnlySpan<byte> bytes)
    {
        var errno = FileCalls.TryWriteAll(_file.Number, bytes);
        if (errno != Errno.None)
            throw new LinuxException(errno, "write", _path);
        _writtenBytes += bytes.Length;
        if (_writtenBytes - _startedBytes < WriteOutStepBytes)
            return;
        FileCalls.StartWriteOut(_file, _startedBytes, _writtenBytes - _startedBytes);
        _startedBytes = _writtenBytes;
    }
}
