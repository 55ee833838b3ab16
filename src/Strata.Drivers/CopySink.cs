using Strata.Trees;

namespace Strata.Drivers;

/// <summary>Writes a layer over a tree that holds the layers below: removals really remove.</summary>
/// <remarks>A whiteout or an opaque mark spares what this layer wrote, whichever came first.</remarks>
internal sealed class CopySink : ILayerSink
{
    private readonly TreeWriter _writer;
    private readonly bool _empty;

    internal CopySink(RootDirectory root, bool rootStartsEmpty, string displaced, Ownership ownership, ApplyOptions options)
    {
        _empty = rootStartsEmpty;
        _writer = new TreeWriter(root, new TreeWriterOptions
        {
            RootStartsEmpty = rootStartsEmpty,
            Writers = options.Writers,
            Ownership = ownership,
            Observer = RecorderObserver.Of(options.Recorder),
            DisplacedDirectory = displaced,
        });
    }

    public Stream? RawTar => null;

    public void Add(LayerEntry entry, EntryContent content, EntryPosition position)
    {
        if (entry.IsFileSystemObject)
            _writer.Write(entry, content, position.Index);
        else if (_empty)
            return; // nothing lies below
        else if (entry.Kind == EntryKind.Whiteout)
            _writer.WritePlaceholder(entry.Path, position.Index);
        else
            _writer.MarkOpaque(entry.Path, position.Index);
    }

    public void Complete() => _writer.Complete();

    public void Dispose() => _writer.Dispose();
}
