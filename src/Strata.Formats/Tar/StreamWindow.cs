
namespace Strata.Formats.Tar;

/// <summary>A stretch of a stream, so that a decompressor does not read past its frame.</summary>
internal sealed class StreamWindow(Stream inner, long length) : ReadOnlyStream
{
    private long _left = length;

    public override int Read(Span<byte> buffer)
    {
        int count = inner.Read(buffer[..(int)Math.Min(_left, buffer.Length)]);
        _left -= count;
        return count;
    }
}
