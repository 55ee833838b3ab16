using Strata.Linux;

namespace Strata.Drivers.Erofs;

/// <summary>Contents that a layer's tar can't serve by pointing, one behind the other, each from a block's beginning; holes stay holes.</summary>
/// <param name="path">Where it is made, when the first content comes.</param>
internal sealed class SideFile(string path) : IDisposable
{
    private const int ChunkBytes = 256 * 1024;
    private FileDescriptor? _file;

    /// <summary>How long it is; 0: there is none.</summary>
    internal long SizeBytes { get; private set; }

    /// <summary>Adds a content; returns where it begins.</summary>
    internal long Add(EntryContent content)
    {
        _file ??= FileCalls.Open(path, OpenFlags.ReadWrite | OpenFlags.Create | OpenFlags.Truncate, 0x180);
        long start = SizeBytes;
        if (content.Extents is { } extents)
        {
            foreach (var extent in extents)
                Copy(content, start + extent.OffsetBytes, extent.LengthBytes);
        }
        else
        {
            Copy(content, start, content.SizeBytes);
        }
        long end = start + content.SizeBytes;
        SizeBytes = (end + ErofsHome.BlockBytes - 1) / ErofsHome.BlockBytes * ErofsHome.BlockBytes;
        Check(FileCalls.TryTruncate(_file.Number, SizeBytes), "ftruncate");
        return start;
    }

    public void Dispose() => _file?.Dispose();

    private void Copy(EntryContent content, long offsetBytes, long lengthBytes)
    {
        while (lengthBytes > 0)
        {
            var chunk = content.ReadChunk((int)Math.Min(lengthBytes, ChunkBytes));
            if (chunk.IsEmpty)
                throw StrataException.Corrupt($"The content of a file ends {lengthBytes} bytes short.");
            Check(FileCalls.TryWriteAllAt(_file!.Number, chunk, offsetBytes), "pwrite");
            offsetBytes += chunk.Length;
            lengthBytes -= chunk.Length;
        }
    }

    private void Check(Errno errno, string call)
    {
        if (errno != Errno.None)
            throw new LinuxException(errno, call, path);
    }
}
