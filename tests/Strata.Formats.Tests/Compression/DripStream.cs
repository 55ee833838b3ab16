using Strata.Formats.Compression;

namespace Strata.Formats.Tests.Compression;

/// <summary>Not seekable; gives at most some bytes at a time; can fail at an offset.</summary>
internal sealed class DripStream(byte[] data, int dripBytes = int.MaxValue, int failAt = int.MaxValue) : ReadOnlyStream
{
    private int _position;

    internal bool Disposed { get; private set; }

    public override int Read(Span<byte> buffer)
    {
        if (_position >= failAt)
            throw new IOException("the disk is on fire");
        int count = Math.Min(Math.Min(buffer.Length, dripBytes), Math.Min(data.Length, failAt) - _position);
        data.AsSpan(_position, count).CopyTo(buffer);
        _position += count;
        return count;
    }

    protected override void Dispose(bool disposing)
    {
        Disposed = true;
        base.Dispose(disposing);
    }
}
