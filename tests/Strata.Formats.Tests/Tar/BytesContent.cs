namespace Strata.Formats.Tests.Tar;

/// <summary>Content out of memory, in chunks of a given size, whole or sparse.</summary>
internal sealed class BytesContent(byte[] data, int chunkBytes = int.MaxValue, IReadOnlyList<DataExtent>? extents = null, long? sizeBytes = null) : EntryContent
{
    private int _at;

    public override long SizeBytes => sizeBytes ?? data.Length;

    public override IReadOnlyList<DataExtent>? Extents => extents;

    public override ReadOnlySpan<byte> ReadChunk(int maxBytes)
    {
        int count = Math.Min(Math.Min(maxBytes, chunkBytes), data.Length - _at);
        _at += count;
        return data.AsSpan(_at - count, count);
    }
}
