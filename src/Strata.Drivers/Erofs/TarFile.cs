using Strata.Formats.Compression;
using Strata.Linux;

namespace Strata.Drivers.Erofs;

/// <summary>The file that a layer's tar is written to.</summary>
/// <remarks>
/// <para>
/// A tar of more than a few megabytes goes past the page cache, where the file system can do that: copying into pages that nobody will read soon
/// cost a sixth of the processor time of loading an image, drives out what others have cached, and asks a virtual machine's host for memory
/// for each of them. Who starts a container right then reads what it needs from disk, with read-ahead.
/// </para>
/// <para>Elsewhere the kernel is asked to write it out while it grows, so that the sync at the end is short, and to let go of what is written.</para>
/// </remarks>
internal sealed class TarFile : WriteOnlyStream
{
    /// <summary>So much goes through the page cache in any case: small layers are read at once, and not worth a wait for the disk.</summary>
    private const long CachedBytes = 4 << 20;
    private const long WriteOutStepBytes = 8 << 20;
    private const long KeepBytes = 32 << 20;
    private readonly string _path;
    private readonly FileDescriptor _file;
    private DirectWriter? _direct;
    private bool _directRefused;
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
        if (_direct is null && !_directRefused && _writtenBytes + buffer.Length > CachedBytes)
        {
            int before = (int)(CachedBytes - _writtenBytes);
            WriteCached(buffer[..before]);
            buffer = buffer[before..];
            _direct = DirectWriter.TryOpen(_path, CachedBytes);
            _directRefused = _direct is null;
        }
        if (_direct is null)
        {
            WriteCached(buffer);
            return;
        }
        _direct.Write(buffer);
        _writtenBytes += buffer.Length;
    }

    /// <summary>All has come: writes what is still on its way.</summary>
    internal void Complete() => _direct?.Complete(_file);

    /// <inheritdoc/>
    public override void Flush()
    {
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            _direct?.Dispose();
            _file.Dispose();
        }
        base.Dispose(disposing);
    }

    private void WriteCached(ReadOnlySpan<byte> buffer)
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
}
