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
    /// <param name="atOnce">
    /// How many layers are applied at once. With 1 each is prepared on the one below, as by every containerd, and those that are here already are left out. With more each is prepared on nothing, and
    /// put on the one below at its commit: as containerd 2.2 does with <c>max_concurrent_unpacks</c> and a snapshotter that can "rebase".
    /// </param>
    internal static async Task UnpackAsync(string socket, string layout, int atOnce)
    {
        using var index = Parse(Path.Combine(layout, "index.json"));
        using var manifest = Parse(PathOf(layout, index.RootElement.GetProperty("manifests")[0]));
        using var config = Parse(PathOf(layout, manifest.RootElement.GetProperty("config")));
        var diffIds = config.RootElement.GetProperty("rootfs").GetProperty("diff_ids").EnumerateArray().Select(d => new DiffId(Digest.Parse(d.GetString()!))).ToArray();
        var chains = diffIds.Aggregate(new List<ChainId>(), (all, id) => [.. all, ChainId.Of(all.Count > 0 ? all[^1] : null, id)]);
        var blobs = manifest.RootElement.GetProperty("layers").EnumerateArray().Select(layer => new BlobDescriptor
        {
            MediaType = layer.GetProperty("mediaType").GetString(), Digest = layer.GetProperty("digest").GetString(), Size = layer.GetProperty("size").GetInt64(),
        }).ToArray();

        using var channel = SnapshotBench.Connect(socket);
        var snapshots = new Snapshots.SnapshotsClient(channel);
        var differ = new Diff.DiffClient(channel);
        var headers = new Metadata { { "containerd-namespace", "default" } };
        using var turns = new SemaphoreSlim(atOnce);
        var applied = new Task<bool>[blobs.Length];
        ChainId? parent = null;
        for (int i = 0; i < blobs.Length && atOnce > 1; i++)
            applied[i] = ApplyAsync(i, "");
        for (int i = 0; i < blobs.Length; i++)
        {
            var chain = chains[i];
            if (await (applied[i] ?? ApplyAsync(i, NameOf(parent))))
                await snapshots.CommitAsync(new CommitSnapshotRequest { Key = KeyOf(i), Name = NameOf(chain), Parent = atOnce > 1 ? NameOf(parent) : "" });
            parent = chain;
        }

        string KeyOf(int layer) => $"default/0/extract {layer} {blobs[layer].Digest}";

        // False: it is there already, as a committed snapshot.
        async Task<bool> ApplyAsync(int layer, string below)
        {
            await turns.WaitAsync();
            try
            {
                var apply = new ApplyRequest { Diff = blobs[layer] };
                var prepare = new PrepareSnapshotRequest { Key = KeyOf(layer), Parent = below };
                if (atOnce == 1)
                    prepare.Labels["containerd.io/snapshot.ref"] = chains[layer].ToString();
                try
                {
                    apply.Mounts.AddRange((await snapshots.PrepareAsync(prepare)).Mounts);
                }
                catch (RpcException e) when (e.StatusCode == StatusCode.AlreadyExists)
                {
                    return false;
                }
                var became = (await differ.ApplyAsync(apply, headers)).Applied;
                if (became.Digest != diffIds[layer].ToString())
                    throw new InvalidDataException($"The layer {blobs[layer].Digest} came out as {became.Digest}, not {diffIds[layer]}.");
                return true;
            }
            finally
            {
                turns.Release();
            }
        }
    }

    private static string NameOf(ChainId? chain) => chain?.ToString() ?? ""; // as the snapshots of layers that are here already are called

    private static string PathOf(string layout, JsonElement descriptor) => Path.Combine(layout, "blobs", descriptor.GetProperty("digest").GetString()!.Replace(':', '/'));

    private static JsonDocument Parse(string path) => JsonDocument.Parse(File.ReadAllBytes(path));
}
