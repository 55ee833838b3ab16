using Strata.Formats.Compression;
using Strata.Linux;

namespace Strata.Drivers.Erofs;

/// <summary>The file that a layer's tar is written to.</summary>
/// <remarks>
/// The kernel is asked to write it out while it grows, so that the sync at the end is short, and to let go of what is written, so that loading an
/// image neither drives out what others have cached nor asks a virtual machine's host for memory for each page of it (on one, that made loading
/// 2 GB take 6 s instead of 3.8). Who starts a container right then reads what it needs from disk, with read-ahead.
/// </remarks>
internal sealed class TarFile : WriteOnlyStream
{
    private const long WriteOutStepBytes = 8 << 20;
    private const long KeepBytes = 32 << 20;
    private readonly string _path;
    private readonly FileDescriptor _file;
    private long _writtenBytes;
    private long _startedBytes;
    private long _droppedBytes;

    internal TarFile(string path)
    {
        _path = path;
        _file = FileCalls.Open(path, OpenFlags.ReadWrite | OpenFlags.Create | OpenFlags.Truncate, 0x180);
    }

    /// <summary>How many bytes came.</summary>
    internal long SizeBytes => _writtenBytes;

    /// <inheritdoc/>
    /// <remarks>The tar's reader gives a buffer at a time: what is small enough to be in the processor's cache still.</remarks>
    public override void Write(ReadOnlySpan<byte> buffer)
    {
        var errno = FileCalls.TryWriteAll(_file.Number, buffer);
        if (errno != Errno.None)
            throw new LinuxException(errno, "write", _path);
        _writtenBytes += buffer.Length;
        if (_writtenBytes - _startedBytes < WriteOutStepBytes)
            return;
        FileCalls.StartWriteOut(_file, _startedBytes, _writtenBytes - _startedBytes);
        _startedBytes = _writtenBytes;
        long drop = _startedBytes - KeepBytes - _droppedBytes;
        if (drop <= 0)
            return;
        errno = FileCalls.TryWaitForWriteOut(_file, _droppedBytes, drop);
        if (errno is Errno.EIO or Errno.ENOSPC or Errno.EDQUOT) // said once: must not get lost here
            throw new LinuxException(errno, "sync_file_range", _path);
        FileCalls.DropCached(_file, _droppedBytes, drop);
        _droppedBytes += drop;
    }

    /// <inheritdoc/>
    public override void Flush()
    {
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (disposing)
            _file.Dispose();
        base.Dispose(disposing);
    }
}
