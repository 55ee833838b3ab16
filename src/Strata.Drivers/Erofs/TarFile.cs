using Strata.Formats.Compression;
using Strata.Linux;

namespace Strata.Drivers.Erofs;

/// <summary>The file that a layer's tar is written to. The kernel is asked to write it out while it grows, so that the sync at the end is short.</summary>
internal sealed class TarFile : WriteOnlyStream
{
    private const long DropStepBytes = 64 << 20;
    private const long WriteOutStepBytes = 8 << 20;
    private readonly string _path;
    private readonly FileDescriptor _file;
    private long _writtenBytes;
    private long _startedBytes;

    internal TarFile(string path)
    {
        _path = path;
        _file = FileCalls.Open(path, OpenFlags.ReadWrite | OpenFlags.Create | OpenFlags.Truncate, 0x180);
    }

    /// <summary>How many bytes came.</summary>
    internal long SizeBytes => _writtenBytes;

    /// <summary>
    /// Lets go of what is cached of a tar that is about to be deleted, on all cores: most of what deleting a large file costs, and unlink(2) does
    /// it on one.
    /// </summary>
    internal static void DropCached(string path)
    {
        if (FileCalls.TryOpenAt(FileCalls.CurrentDirectory, System.Text.Encoding.UTF8.GetBytes(path), OpenFlags.ReadOnly, 0, out var file) != Errno.None)
            return;
        using (file)
        {
            long sizeBytes = AttributeCalls.Stat(file!).SizeBytes;
            int parts = (int)Math.Min(Environment.ProcessorCount, sizeBytes / DropStepBytes);
            if (parts < 2)
                return;
            long partBytes = sizeBytes / parts;
            var threads = new Thread[parts - 1];
            for (int i = 0; i < threads.Length; i++)
            {
                long offset = partBytes * (i + 1);
                long length = i == threads.Length - 1 ? 0 : partBytes; // 0: to the end
                threads[i] = new Thread(() => FileCalls.DropCached(file!, offset, length)) { IsBackground = true, Name = "drop" };
                threads[i].Start();
            }
            FileCalls.DropCached(file!, 0, partBytes);
            foreach (var thread in threads)
                thread.Join();
        }
    }

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
