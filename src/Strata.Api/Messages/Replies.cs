using Strata.Drivers;
using Strata.Oci;
using Strata.Store;

namespace Strata.Api;

internal sealed record ApiError(string Kind, string Message);

internal sealed record ErrorReply(ApiError Error);

internal sealed record StatusReply(
    string Version, string Root, string Driver, long Layers, long Images, long Writable, long Snapshots, long DockerLayers, long LayerBytes, long UsedBytes,
    IReadOnlyList<Pair> DriverStatus)
{
    internal static StatusReply Of(StoreStatus status, string version) => new(
        version, status.Root, status.Driver, status.Held.Layers, status.Held.Images, status.Held.Writable, status.Held.Snapshots, status.Held.GraphLayers,
        status.Held.LayerBytes, status.Held.UsedBytes, Pair.Of(status.DriverStatus));

    internal StoreStatus ToStatus() => new(
        Root, Driver, [.. DriverStatus.Select(p => p.ToPair())], new StoreStatistics(Layers, Images, Writable, Snapshots, DockerLayers, LayerBytes, UsedBytes));
}

/// <summary>A fact with its name, where the order counts.</summary>
internal sealed record Pair(string Key, string Value)
{
    internal static Pair[] Of(IEnumerable<KeyValuePair<string, string>> pairs) => [.. pairs.Select(p => new Pair(p.Key, p.Value))];

    internal KeyValuePair<string, string> ToPair() => new(Key, Value);
}

internal sealed record InfoReply(IReadOnlyList<Pair> Facts, IReadOnlyList<DriverReply> Drivers)
{
    internal static InfoReply Of(HostFacts facts) => new(Pair.Of(facts.Facts), [.. facts.Drivers.Select(d => new DriverReply(d.Name, d.Reason))]);

    internal HostFacts ToFacts() => new([.. Facts.Select(p => p.ToPair())], [.. Drivers.Select(d => new DriverProbe(d.Name, d.Reason))]);
}

internal sealed record DriverReply(string Name, string? Reason);

internal sealed record ImageReply(
    string Manifest, string Id, string? TopLayer, long SizeBytes, DateTimeOffset Created, string? Platform, IReadOnlyList<string> Names, IReadOnlyList<string> Indexes,
    string? SharedFrom)
{
    internal static ImageReply Of(ImageRecord image) => new(
        image.Manifest.ToString(), image.Config.ToString(), image.TopLayer?.ToString(), image.SizeBytes, image.Created, image.Platform, image.Names, Texts.Of(image.Indexes),
        image.SharedFrom);

    internal ImageRecord ToRecord() => new(Digest.Parse(Manifest), Digest.Parse(Id), Texts.Chain(TopLayer), SizeBytes, Created, Names)
    {
        Platform = Platform, Indexes = Texts.Digests(Indexes), SharedFrom = SharedFrom,
    };
}

internal sealed record IndexReply(string Digest, DateTimeOffset Created, IReadOnlyList<string> Names, IReadOnlyList<string> Documents, IReadOnlyList<string> Manifests)
{
    internal static IndexReply Of(IndexRecord index) => new(index.Digest.ToString(), index.Created, index.Names, Texts.Of(index.Documents), Texts.Of(index.Manifests));

    internal IndexRecord ToRecord() => new(Strata.Digest.Parse(Digest), Created, Names, Texts.Digests(Documents), Texts.Digests(Manifests));
}

internal sealed record LayerReply(
    string ChainId, string DiffId, string? Parent, string DriverId, long TarBytes, long ContentBytes, string BlobDigest, long BlobBytes, DateTimeOffset Created,
    string? SharedFrom)
{
    internal static LayerReply Of(LayerRecord layer) => new(
        layer.ChainId.ToString(), layer.DiffId.ToString(), layer.Parent?.ToString(), layer.DriverId.ToString(), layer.TarBytes, layer.ContentBytes,
        layer.BlobDigest.ToString(), layer.BlobBytes, layer.Created, layer.SharedFrom);

    internal LayerRecord ToRecord() => new(
        Texts.Chain(ChainId)!.Value, new DiffId(Digest.Parse(DiffId)), Texts.Chain(Parent), LayerId.Parse(DriverId), TarBytes, ContentBytes, Digest.Parse(BlobDigest), BlobBytes, Created)
    {
        SharedFrom = SharedFrom,
    };
}

internal sealed record WritableReply(string Name, string? Parent, string? Image, string DriverId, string? MountPoint, string? IdMapping, DateTimeOffset Created)
{
    internal static WritableReply Of(WritableStatus layer) => new(
        layer.Name, layer.Parent?.ToString(), layer.Image?.ToString(), layer.DriverId.ToString(), layer.MountedAt, layer.IdMapping, layer.Created);

    internal WritableStatus ToStatus() => new(
        Name, Texts.Chain(Parent), Image is null ? null : Digest.Parse(Image), LayerId.Parse(DriverId), MountPoint, IdMapping, Created);
}

internal sealed record SnapshotReply(
    string Key, string? Parent, string Kind, IReadOnlyDictionary<string, string> Labels, DateTimeOffset Created, DateTimeOffset Updated, string? Layer);

internal sealed record DockerLayerReply(string Id, string? Parent, bool Writable, string Content, string? Layer, DateTimeOffset Created);

/// <summary>A change. A path that is not printable UTF-8 has <c>\xNN</c> in the text, and its bytes beside it.</summary>
/// <param name="Kind">A, C or D.</param>
/// <param name="Path">To be shown.</param>
/// <param name="PathBytes">Base64; null: the text is all there is to say.</param>
internal sealed record ChangeReply(string Kind, string Path, string? PathBytes)
{
    internal static ChangeReply Of(Change change) =>
        new($"{change.Letter}", change.Path.ToString(), change.Path.ToString().Contains('\\', StringComparison.Ordinal) ? Convert.ToBase64String(change.Path.Bytes) : null);

    internal Change ToChange() => new(
        PathBytes is { } bytes ? EntryPath.Create(Convert.FromBase64String(bytes)) : EntryPath.Of(Path), Kind switch { "A" => ChangeKind.Add, "D" => ChangeKind.Delete, _ => ChangeKind.Modify });
}

internal sealed record MountReply(string Path);

internal sealed record UsageReply(long SizeBytes, long Inodes)
{
    internal static UsageReply Of(Usage usage) => new(usage.SizeBytes, usage.Inodes);

    internal Usage ToUsage() => new(SizeBytes, Inodes);
}

internal sealed record ItemReply(string Kind, string Name, string? Digest, UsageReply Own, UsageReply Exclusive, UsageReply Shared, UsageReply Freed, string? SharedFrom)
{
    internal static ItemReply Of(ItemUsage item) => new(
        item.Kind.ToString(), item.Name, item.Digest?.ToString(), UsageReply.Of(item.Own), UsageReply.Of(item.Exclusive), UsageReply.Of(item.Shared), UsageReply.Of(item.Freed),
        item.SharedFrom);

    internal ItemUsage ToUsage() => new(Enum.Parse<ItemKind>(Kind), Name, Own.ToUsage(), Exclusive.ToUsage(), Shared.ToUsage(), Freed.ToUsage())
    {
        Digest = Digest is null ? null : Strata.Digest.Parse(Digest), SharedFrom = SharedFrom,
    };
}

internal sealed record StepReply(string? Created, string? CreatedBy, string? Comment, string? Author, bool EmptyLayer, LayerReply? Layer)
{
    internal static StepReply Of(HistoryStep step) => new(
        step.Entry.Created, step.Entry.CreatedBy, step.Entry.Comment, step.Entry.Author, step.Entry.EmptyLayer, step.Layer is { } layer ? LayerReply.Of(layer) : null);

    internal HistoryStep ToStep() => new(new HistoryEntry(Created, CreatedBy, Comment, Author, EmptyLayer), Layer?.ToRecord());
}

internal sealed record RemovedReply(string Kind, string Name, int Layers)
{
    internal static RemovedReply Of(Removed removed) => new(removed.Kind.ToString(), removed.Name, removed.Layers);

    internal Removed ToRemoved() => new(Enum.Parse<RemovedKind>(Kind), Name, Layers);
}

internal sealed record UntaggedReply(string Name, string Id);
