using System.Text.Json;
using Grpc.Core;
using Strata.Daemon.Containerd.Wire;

namespace Strata.Bench;

/// <summary>
/// Plays the part of a containerd that knows proxies for differs (2.0 and later; Debian's is older): unpacks an image of its content store, layer by
/// layer, through our snapshotter and differ, as its unpacker does.
/// </summary>
internal static class ImportBench
{
    /// <summary>Unpacks; a layer that comes out as another than the image names is an error.</summary>
    /// <param name="socket">stratad's, whose <c>--containerd-address</c> is the containerd with the content.</param>
    /// <param name="layout">The image's OCI layout, for its manifest and config alone: the layers come from containerd.</param>
    internal static async Task UnpackAsync(string socket, string layout)
    {
        using var index = Parse(Path.Combine(layout, "index.json"));
        using var manifest = Parse(PathOf(layout, index.RootElement.GetProperty("manifests")[0]));
        using var config = Parse(PathOf(layout, manifest.RootElement.GetProperty("config")));
        var diffIds = config.RootElement.GetProperty("rootfs").GetProperty("diff_ids").EnumerateArray().Select(d => new DiffId(Digest.Parse(d.GetString()!))).ToArray();

        using var channel = SnapshotBench.Connect(socket);
        var snapshots = new Snapshots.SnapshotsClient(channel);
        var differ = new Diff.DiffClient(channel);
        var headers = new Metadata { { "containerd-namespace", "default" } };
        ChainId? parent = null;
        foreach (var (layer, diffId) in manifest.RootElement.GetProperty("layers").EnumerateArray().Zip(diffIds))
        {
            var chain = ChainId.Of(parent, diffId);
            string key = $"default/0/extract {chain}";
            var apply = new ApplyRequest
            {
                Diff = new BlobDescriptor { MediaType = layer.GetProperty("mediaType").GetString(), Digest = layer.GetProperty("digest").GetString(), Size = layer.GetProperty("size").GetInt64() },
            };
            apply.Mounts.AddRange((await snapshots.PrepareAsync(new PrepareSnapshotRequest { Key = key, Parent = NameOf(parent) })).Mounts);
            var applied = (await differ.ApplyAsync(apply, headers)).Applied;
            if (applied.Digest != diffId.ToString())
                throw new InvalidDataException($"The layer {apply.Diff.Digest} came out as {applied.Digest}, not {diffId}.");
            await snapshots.CommitAsync(new CommitSnapshotRequest { Key = key, Name = NameOf(chain) });
            parent = chain;
        }
    }

    private static string NameOf(ChainId? chain) => chain is { } some ? $"default/0/{some}" : "";

    private static string PathOf(string layout, JsonElement descriptor) => Path.Combine(layout, "blobs", descriptor.GetProperty("digest").GetString()!.Replace(':', '/'));

    private static JsonDocument Parse(string path) => JsonDocument.Parse(File.ReadAllBytes(path));
}
