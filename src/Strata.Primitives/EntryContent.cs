namespace Strata;

/// <summary>The content of one regular file, read forward, once.</summary>
/// <remarks>
/// Holes of a sparse file are not delivered: <see cref="Extents"/> says where the data goes. Owned by whoever hands it out; valid until
/// the next entry is asked for. Not safe for many threads at once.
/// </remarks>
public abstract class EntryContent
{
    /// <summary>No content.</summary>
    public static EntryContent Empty { get; } = new NoContent();

    /// <summary>The file's size, holes included.</summary>
    public abstract long SizeBytes { get; }

    /// <summary>Where the data lies, in rising order without overlap; null: the whole file is data.</summary>
    public virtual IReadOnlyList<DataExtent>? Extents => null;

    /// <summary>
    /// The next bytes of data, in the order of <see cref="Extents"/>; empty at the end. The span is valid until the next call.
    /// </summary>
    /// <param name="maxBytes">The most that is wanted; at least 1.</param>
    /// <exception cref="StrataException">Corrupt: the data ends before its declared size.</exception>
    public abstract ReadOnlySpan<byte> ReadChunk(int maxBytes);

    private sealed class NoContent : EntryContent
    {
        public override long SizeBytes => 0;

        public override ReadOnlySpan<byte> ReadChunk(int maxBytes) => default;
    }
}
