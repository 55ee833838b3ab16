using Strata.Trees;

namespace Strata.Drivers;

/// <summary>Writes a layer to where its owners are those outside of a user namespace.</summary>
internal sealed class MappedSink(ILayerSink sink, OwnerMap owners) : ILayerSink
{
    public Stream? RawTar => sink.RawTar;

    public void Add(LayerEntry entry, EntryContent content, EntryPosition position) => sink.Add(owners.ToHost(entry), content, position);

    public void Complete() => sink.Complete();

    public void Dispose() => sink.Dispose();
}
