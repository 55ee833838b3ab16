namespace Strata.Drivers;

/// <summary>Where the entries of one layer go: a folder with overlay's marks, a copy with real removals, or one file. The pipe does not know which.</summary>
/// <remarks>
/// The pipe calls <see cref="Add"/> once for each entry, in the order of the tar, and <see cref="Complete"/> once at the end; disposing it
/// without that gives up. Rules that do not depend on the order (whiteouts and opaque marks hide lower layers only) are the sink's to keep.
/// </remarks>
public interface ILayerSink : IDisposable
{
    /// <summary>
    /// Where the raw bytes of the tar go, all of them and in order, before <see cref="Complete"/> is called; null if the sink needs none.
    /// A sink that keeps the tar itself gives a stream here.
    /// </summary>
    Stream? RawTar { get; }

    /// <summary>Takes one entry.</summary>
    /// <param name="entry">The entry, a whiteout or an opaque mark included.</param>
    /// <param name="content">Its content; <see cref="EntryContent.Empty"/> for all but regular files. Valid during the call only.</param>
    /// <param name="position">Which entry of the tar it is, and where its data lies.</param>
    void Add(LayerEntry entry, EntryContent content, EntryPosition position);

    /// <summary>All entries came: sets what must be set last (times of directories), and waits for what still runs.</summary>
    void Complete();
}
