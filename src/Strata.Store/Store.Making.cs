using Strata.Drivers;
using Strata.Formats.Layers;
using Strata.Formats.Tar;
using Strata.Trees;

namespace Strata.Store;

/// <content>Layers that are made here: of several layers, of a folder.</content>
public sealed partial class Store
{
    /// <summary>Makes one layer of several that lie on each other: on what lies below them it gives the same root file system.</summary>
    /// <remarks>
    /// Both root file systems are compared, contents and times of directories included, so that what the layers removed of each other is gone, and
    /// what they removed of the layers below is removed. Files that are the same in both are not in it. The same layers give the same layer.
    /// </remarks>
    /// <param name="top">The topmost of the layers.</param>
    /// <param name="below">The layer on which the lowest of them lies, and on which the new one will; null: all of them become one.</param>
    /// <param name="progress">Told of progress, or null.</param>
    /// <param name="cancellationToken">Ends it early; nothing is left then.</param>
    /// <returns>The new layer. If there was such a layer already, that one.</returns>
    /// <exception cref="StrataException">NotFound: a layer is not there. InvalidArgument: the one does not lie on the other.</exception>
    public LayerRecord Squash(ChainId top, ChainId? below, IProgress<ProgressReport>? progress = null, CancellationToken cancellationToken = default)
    {
        var chain = GetChain(top);
        var lower = below is { } b ? chain.Skip(1).FirstOrDefault(l => l.ChainId == b)
            ?? throw StrataException.InvalidArgument($"Can't make one layer of those between {top} and {b}: the first does not lie on the second.") : null;
        var options = new DiffOptions { Exact = true, Progress = progress };
        using var difference = new ProducedStream(
            (destination, cancelled) => Driver.Diff(chain[0].DriverId, lower?.DriverId, destination, options, cancelled), cancellationToken);
        return RegisterLayers([new LayerInput { Open = () => new Borrowed(difference) }], below, null, cancellationToken)[0];
    }

    /// <summary>Makes a base layer of a folder: all that lies in it, in the order of its names' bytes. Sockets have no form in a layer and are left out.</summary>
    /// <param name="folder">The folder. It must not change meanwhile. What is mounted in it is taken too.</param>
    /// <param name="latestMtime">Files that were modified later get this time; null: they keep theirs.</param>
    /// <param name="owner">Whom all files belong to; null: their owners.</param>
    /// <param name="progress">Told of the files' bytes, or null.</param>
    /// <param name="cancellationToken">Ends it early; nothing is left then.</param>
    /// <exception cref="StrataException">NotFound: there is no such folder. PermissionDenied: something in it can't be read.</exception>
    public LayerRecord RegisterFolder(
        string folder, FileTime? latestMtime = null, (uint Uid, uint Gid)? owner = null, IProgress<ProgressReport>? progress = null, CancellationToken cancellationToken = default)
    {
        if (!Directory.Exists(folder))
            throw StrataException.NotFound($"There is no folder '{folder}'.");
        if (Path.GetFullPath(Root + "/").StartsWith(Path.GetFullPath(folder).TrimEnd('/') + "/", StringComparison.Ordinal))
            throw StrataException.InvalidArgument($"The folder '{folder}' holds the store {Root} itself. Choose another folder, or another --root.");
        return Guard($"Can't make a layer of the folder '{folder}'", () =>
        {
            using var tar = new ProducedStream(
                (destination, cancelled) =>
                {
                    using var root = RootDirectory.Open(folder);
                    using var source = new ChangedSource(new TreeSource(new TreeComparer(null, root)), latestMtime, owner);
                    LayerPipe.Write(source, destination, progress, cancelled);
                },
                cancellationToken);
            return RegisterLayers([new LayerInput { Open = () => new Borrowed(tar) }], null, null, cancellationToken)[0];
        });
    }

    private void ClampTimes(Stream layer, Stream destination, FileTime latest, CancellationToken cancellationToken)
    {
        using var reader = new LayerReader(new Borrowed(layer), new TarReaderOptions { Limits = _limits });
        using var writer = new LayerWriter(destination, leaveOpen: true);
        while (reader.ReadNext(cancellationToken) is { } entry)
            writer.Write(entry.Mtime > latest ? entry.With(latest, entry.Uid, entry.Gid) : entry, entry.Kind == EntryKind.RegularFile ? reader.Content : EntryContent.Empty);
        writer.Complete();
    }

    /// <summary>A source whose entries get other times or owners.</summary>
    private sealed class ChangedSource(ILayerSource inner, FileTime? latest, (uint Uid, uint Gid)? owner) : ILayerSource
    {
        public LayerEntry Current { get; private set; } = null!;

        public ChangeKind CurrentChange => inner.CurrentChange;

        public bool MoveNext(CancellationToken cancellationToken)
        {
            if (!inner.MoveNext(cancellationToken))
                return false;
            var entry = inner.Current;
            Current = entry.With(latest is { } time && entry.Mtime > time ? time : entry.Mtime, owner?.Uid ?? entry.Uid, owner?.Gid ?? entry.Gid);
            return true;
        }

        public EntryContent OpenContent() => inner.OpenContent();

        public void Dispose() => inner.Dispose();
    }
}
