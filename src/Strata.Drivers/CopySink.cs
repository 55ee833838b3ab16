using Strata.Linux;
using Strata.Trees;

namespace Strata.Drivers;

/// <summary>Writes a layer over a tree that holds the layers below: removals really remove.</summary>
/// <remarks>A whiteout or an opaque mark spares what this layer wrote, whichever came first.</remarks>
internal sealed class CopySink : ILayerSink
{
    private readonly RootDirectory _root;
    private readonly TreeWriter _writer;
    private readonly bool _empty;

    internal CopySink(RootDirectory root, bool rootStartsEmpty, string displaced, Ownership ownership, ApplyOptions options)
    {
        _root = root;
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
        else if (!_empty)
            RemoveLower(entry.Path, childrenOnly: entry.Kind == EntryKind.Opaque);
    }

    public void Complete() => _writer.Complete();

    public void Dispose() => _writer.Dispose();

    private void RemoveLower(EntryPath path, bool childrenOnly)
    {
        if (!childrenOnly && !_writer.WroteInThisLayer(path))
        {
            var errno = RootedCalls.TryOpenInRoot(
                _root.File.Number, path.ParentBytes, OpenFlags.Path | OpenFlags.Directory, 0, out var parent, noSymlinks: true);
            if (errno != Errno.None)
                return; // nothing of that path is there to remove
            using (parent)
                TreeRemover.Remove(parent!.Number, path.Name);
            return;
        }
        var opened = RootedCalls.TryOpenInRoot(
            _root.File.Number, path.Bytes, OpenFlags.ReadOnly | OpenFlags.Directory | OpenFlags.NoFollow, 0, out var directory, noSymlinks: true);
        if (opened != Errno.None)
            return; // no directory: what this layer wrote stays
        var names = new List<byte[]>();
        using (directory)
        using (var reader = new DirectoryReader(directory!))
        {
            while (reader.MoveNext())
                names.Add(reader.Name.ToArray());
        }
        foreach (byte[] name in names)
            RemoveLower(path.Child(name), childrenOnly: false);
    }
}
