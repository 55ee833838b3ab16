using Grpc.Core;
using Microsoft.Extensions.DependencyInjection;
using Strata.Daemon.Containerd.Wire;
using Strata.Drivers;
using Strata.Testing;

namespace Strata.Daemon.Tests.Containerd;

/// <summary>Layers that are applied when they come into containerd's content store.</summary>
public sealed partial class AheadTests : IDisposable
{
    private readonly ScratchDirectory _containerd = new();
    private static readonly byte[] Lower = Compressed(new TarBuilder().Dir("etc").File("etc/kept", "kept").File("etc/gone", "gone").Raw("big"u8.ToArray(), '0', content: Noise(1)).ToArray());
    private static readonly byte[] Upper = Compressed(new TarBuilder().Dir("etc").Whiteout("etc/gone").Raw("new"u8.ToArray(), '0', content: Noise(2)).ToArray());

    public void Dispose() => _containerd.Dispose();

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_snapshot_gets_the_layer_that_was_applied_before_it_was_asked_for(bool parentAtCommit)
    {
        Assert.SkipUnless(Environment.IsPrivilegedProcess, "mounting needs root");
        await using var content = new MemoryContent();
        await using var rig = await ServeAsync("erofs", content);
        BlobDescriptor[] blobs = [await ComeAsync(rig, content, Lower, 1), await ComeAsync(rig, content, Upper, 2)];
        foreach (var blob in blobs)
            File.WriteAllBytes(PathOf(content, blob), new byte[blob.Size]); // nobody needs it any more
        string[] keys = ["a", "b"];
        for (int i = 0; i < 2; i++)
        {
            var request = new ApplyRequest { Diff = blobs[i] };
            request.Mounts.AddRange(await rig.PrepareAsync("work " + keys[i], i == 0 || parentAtCommit ? "" : keys[0]));
            var applied = (await rig.Differ.ApplyAsync(request)).Applied;
            Assert.Equal(2, rig.LayersOfDriver().Count); // the snapshot's own empty one is gone
            Assert.Equal("application/vnd.oci.image.layer.v1.tar", applied.MediaType);
            await SnapshotRig.FailsAsync(StatusCode.FailedPrecondition, async () => await ApplyAgainAsync(rig, "work " + keys[i], blobs[i]));
            await rig.CommitAsync(keys[i], "work " + keys[i], i == 0 ? "" : keys[0]);
        }
        Assert.Equal(2, rig.Store.ListLayers().Count);
        Assert.Equal(0, content.Reads);
        await rig.LookAsync("b", root =>
        {
            Assert.Equal(["big", "etc", "new"], SnapshotLifeTests.Names(root));
            Assert.Equal(["kept"], SnapshotLifeTests.Names(Path.Combine(root, "etc")));
            Assert.Equal(Noise(2), File.ReadAllBytes(Path.Combine(root, "new")));
        });
        Assert.Empty(rig.Store.Check(new Store.CheckOptions { Deep = true }).Findings);
    }

    [Fact]
    public async Task What_nobody_asked_for_is_gone_when_the_daemon_stops_and_what_is_no_layer_leaves_nothing()
    {
        await using var content = new MemoryContent();
        await using var rig = await ServeAsync("erofs", content);
        await ComeAsync(rig, content, Lower, 1);
        var torn = content.Add(Upper[..^100]);
        await PutAsync(content, torn);
        await PutAsync(content, content.Add(Noise(3)));
        await PutAsync(content, content.Add(Compressed("{}"u8.ToArray()))); // too small to be worth it
        await ComeAsync(rig, content, Compressed(new TarBuilder().Raw("last"u8.ToArray(), '0', content: Noise(4)).ToArray()), 2); // one after the other: the others were looked at
        await SnapshotRig.FailsAsync(StatusCode.DataLoss, async () => await ApplyAgainAsync(rig, null, torn));
        await rig.RestartAsync();
        Assert.Single(rig.LayersOfDriver()); // of the snapshot
    }

    [Fact]
    public async Task A_blob_that_another_namespace_has_is_not_given_and_other_drivers_do_without()
    {
        await using var content = new MemoryContent();
        await using var rig = await ServeAsync("erofs", content);
        var blob = await ComeAsync(rig, content, Lower, 1);
        content.Blobs.Clear();
        await SnapshotRig.FailsAsync(StatusCode.NotFound, async () => await ApplyAgainAsync(rig, null, blob));

        await using var others = new MemoryContent();
        await using var plain = await ServeAsync("vfs", others);
        var same = others.Add(Lower);
        await PutAsync(others, same);
        await ApplyAgainAsync(plain, null, same);
        Assert.Single(plain.LayersOfDriver());
    }

    private static async Task ApplyAgainAsync(SnapshotRig rig, string? key, BlobDescriptor blob)
    {
        var request = new ApplyRequest { Diff = blob };
        request.Mounts.AddRange(key is null ? await rig.PrepareAsync("again") : (await rig.Client.MountsAsync(new MountsRequest { Key = key })).Mounts);
        await rig.Differ.ApplyAsync(request);
    }

    private async Task<SnapshotRig> ServeAsync(string driver, MemoryContent content, DriverRegistry? drivers = null, Action<IServiceCollection>? besides = null)
    {
        content.Root = _containerd[driver];
        _containerd.Make(driver + "/blobs/sha256");
        await content.ServeAsync(_containerd[driver + ".sock"]);
        return await SnapshotRig.StartAsync(driver, _containerd[driver + ".sock"], ahead: true, drivers: drivers, besides: besides);
    }

    /// <summary>A blob comes, as containerd's do; returns when the driver has so many layers, and applies none.</summary>
    private static async Task<BlobDescriptor> ComeAsync(SnapshotRig rig, MemoryContent content, byte[] bytes, int layers)
    {
        var blob = content.Add(bytes, "application/vnd.oci.image.layer.v1.tar+gzip");
        for (int i = 0; rig.LayersOfDriver().Count < layers; i++)
        {
            Assert.True(i < 300, "nothing is applied ahead");
            if (i % 10 == 0)
                await PutAsync(content, blob); // it may not be watched yet
            await Task.Delay(100);
        }
        await Task.Delay(200);
        return blob;
    }

    private static async Task PutAsync(MemoryContent content, BlobDescriptor blob)
    {
        string path = PathOf(content, blob);
        File.Delete(path);
        await File.WriteAllBytesAsync(path + ".ingest", content.Blobs[blob.Digest]);
        File.Move(path + ".ingest", path);
    }

    private static string PathOf(MemoryContent content, BlobDescriptor blob) => Path.Combine(content.Root!, "blobs", blob.Digest.Replace(':', '/'));

    private static byte[] Compressed(byte[] tar) => TestImage.Compress(tar, "gzip");

    private static byte[] Noise(int seed)
    {
        byte[] noise = new byte[2 << 20];
        new Random(seed).NextBytes(noise);
        return noise;
    }
}
