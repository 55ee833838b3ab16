using Grpc.Core;
using Strata.Daemon.Containerd.Wire;
using Strata.Store;
using Strata.Testing;
using WireMount = Strata.Daemon.Containerd.Wire.Mount;

namespace Strata.Daemon.Tests.Containerd;

/// <summary>The differ, against a content store in memory; and what is known of layers that came through it.</summary>
public sealed class DiffTests
{
    public static TheoryData<string> Drivers => SnapshotLifeTests.Drivers;

    [Theory]
    [MemberData(nameof(Drivers))]
    public async Task Layers_are_applied_and_are_layers_of_the_store(string driver)
    {
        await using var content = new MemoryContent();
        await using var rig = await ServeAsync(driver, content);
        byte[][] tars = [Base(), Changes()];
        string parent = "";
        ChainId? chain = null;
        foreach (byte[] tar in tars)
        {
            var diffId = new DiffId(Digest.Parse("sha256:" + TestImage.HexOf(tar)));
            chain = ChainId.Of(chain, diffId);
            var mounts = await rig.PrepareAsync($"extract {chain}", parent);
            var request = new ApplyRequest { Diff = content.Add(TestImage.Compress(tar, "gzip"), "application/vnd.oci.image.layer.v1.tar+gzip") };
            request.Mounts.AddRange(mounts);
            var response = await rig.Differ.ApplyAsync(request, new Metadata { { "containerd-namespace", "default" }, { "containerd-lease", "l1" } });
            Assert.Equal((diffId.ToString(), (long)tar.Length, "application/vnd.oci.image.layer.v1.tar"), (response.Applied.Digest, response.Applied.Size, response.Applied.MediaType));
            await rig.CommitAsync(chain.ToString()!, $"extract {chain}", parent);
            parent = chain.ToString()!;
        }
        Assert.Contains("containerd-namespace=default", content.Headers);
        Assert.Contains("containerd-lease=l1", content.Headers);
        Assert.Equal(2, rig.Store.ListLayers().Count);
        if (Environment.IsPrivilegedProcess)
        {
            await rig.LookAsync(parent, root =>
            {
                Assert.Equal(["etc", "new"], SnapshotLifeTests.Names(root));
                Assert.Equal(["kept"], SnapshotLifeTests.Names(Path.Combine(root, "etc")));
            });
        }

        // What was applied is given back byte for byte.
        using var given = new MemoryStream();
        rig.Store.WriteTar(rig.Store.FindLayer(chain!.Value)!, given);
        Assert.Equal(tars[1], given.ToArray());

        // A layer is used: nobody removes it under the snapshot. With the snapshot it goes.
        Assert.Equal(ErrorKind.FailedPrecondition, Assert.Throws<StrataException>(() => rig.Store.RemoveLayer(chain.Value)).Kind);
        await rig.RemoveAsync(parent);
        Assert.Single(rig.Store.ListLayers());
    }

    [Theory]
    [MemberData(nameof(Drivers))]
    public async Task The_same_layer_in_two_namespaces_is_there_once(string driver)
    {
        await using var content = new MemoryContent();
        await using var rig = await ServeAsync(driver, content);
        foreach (string name in new[] { "a/1/c", "b/2/c" })
        {
            await ApplyAsync(rig, content, "work", Base());
            await rig.CommitAsync(name, "work");
        }
        Assert.Single(rig.Store.ListLayers());
        Assert.Single(rig.LayersOfDriver());
        await rig.RemoveAsync("a/1/c");
        Assert.Single(rig.Store.ListLayers());
        await rig.RemoveAsync("b/2/c");
        Assert.Empty(rig.Store.ListLayers());
        Assert.Empty(rig.LayersOfDriver());
    }

    [Theory]
    [MemberData(nameof(Drivers))]
    public async Task A_layer_that_is_here_is_a_committed_snapshot_at_once(string driver)
    {
        await using var rig = await SnapshotRig.StartAsync(driver);
        var layers = rig.Store.RegisterLayers([Input(Base()), Input(Changes())]);
        string[] cri = ["containerd.io/snapshot/cri.image-ref", "containerd.io/snapshot/cri.manifest-digest", "containerd.io/snapshot/cri.layer-digest", "containerd.io/snapshot/cri.image-layers"];
        string parent = "";
        foreach (var layer in layers)
        {
            string target = layer.ChainId.ToString();
            (string, string)[] labels = [("containerd.io/snapshot.ref", target), .. cri.Select(label => (label, "value"))];
            await SnapshotRig.FailsAsync(StatusCode.AlreadyExists, () => rig.PrepareAsync($"default/1/extract-1 {target}", parent, labels));
            string found = Assert.Single(await rig.ListAsync($"labels.\"containerd.io/snapshot.ref\"==\"{target}\",parent==\"{parent}\""));
            var info = await rig.StatAsync(found);
            Assert.Equal((Kind.Committed, parent), (info.Kind, info.Parent));
            Assert.Equal("value", info.Labels[cri[0]]);
            await SnapshotRig.FailsAsync(StatusCode.AlreadyExists, () => rig.PrepareAsync($"other/9/extract-2 {target}", parent, labels)); // in another namespace
            parent = found;
        }
        Assert.Equal(2, (await rig.ListAsync()).Length);
        if (Environment.IsPrivilegedProcess)
            await rig.LookAsync(parent, root => Assert.Equal(["etc", "new"], SnapshotLifeTests.Names(root)));
        // What the store had before stays when containerd's snapshots go.
        foreach (string key in (string[])[parent, layers[0].ChainId.ToString()])
            await rig.RemoveAsync(key);
        Assert.Equal(2, rig.Store.ListLayers().Count);
    }

    [Fact]
    public async Task A_layer_that_is_not_here_or_on_another_parent_is_prepared()
    {
        await using var rig = await SnapshotRig.StartAsync("vfs");
        var layers = rig.Store.RegisterLayers([Input(Base()), Input(Changes())]);
        await rig.PrepareAsync("unknown", "", ("containerd.io/snapshot.ref", "sha256:" + new string('a', 64)));
        await rig.PrepareAsync("no digest", "", ("containerd.io/snapshot.ref", "../x"));
        await rig.PrepareAsync("no parent", "", ("containerd.io/snapshot.ref", layers[1].ChainId.ToString()));
        Assert.Equal(Kind.Active, (await rig.StatAsync("no parent")).Kind);
    }

    [Theory]
    [MemberData(nameof(Drivers))]
    public async Task An_apply_that_fails_leaves_the_snapshot_as_it_was(string driver)
    {
        await using var content = new MemoryContent();
        await using var rig = await ServeAsync(driver, content);
        byte[] big = Big();
        var good = content.Add(big);
        var truncated = content.Add(big[..(big.Length / 2)]);
        var mounts = await rig.PrepareAsync("a");
        var missing = new BlobDescriptor { MediaType = good.MediaType, Digest = "sha256:" + new string('0', 64), Size = 1 };
        var wrongType = new BlobDescriptor(good) { MediaType = "application/json" };
        var lied = content.Add([1, 2, 3]);
        content.Blobs[lied.Digest] = big; // not what its digest says
        foreach (var (code, diff) in new (StatusCode, BlobDescriptor?)[]
        {
            (StatusCode.DataLoss, truncated), (StatusCode.NotFound, missing), (StatusCode.Unimplemented, wrongType), (StatusCode.DataLoss, lied), (StatusCode.InvalidArgument, null),
            (StatusCode.InvalidArgument, new BlobDescriptor { MediaType = good.MediaType, Digest = "../../etc/passwd" }),
        })
        {
            await SnapshotRig.FailsAsync(code, () => ApplyAsync(rig, mounts, diff));
            Assert.Empty(rig.Store.Driver.Changes(rig.LayersOfDriver()[0], null));
        }
        content.FailAfterBytes = 128 * 1024;
        await SnapshotRig.FailsAsync(StatusCode.Unavailable, () => ApplyAsync(rig, mounts, good));
        content.FailAfterBytes = -1;
        await ApplyAsync(rig, mounts, good);
        await SnapshotRig.FailsAsync(StatusCode.FailedPrecondition, () => ApplyAsync(rig, mounts, good)); // something is in it now
        await rig.CommitAsync("c", "a");
        Assert.Single(rig.Store.ListLayers());
    }

    [Theory]
    [MemberData(nameof(Drivers))]
    public async Task A_call_that_is_cancelled_leaves_nothing_half_done(string driver)
    {
        await using var content = new MemoryContent { HoldAfterFirstChunk = new TaskCompletionSource() };
        await using var rig = await ServeAsync(driver, content);
        var mounts = await rig.PrepareAsync("a");
        var request = new ApplyRequest { Diff = content.Add(Big()) };
        request.Mounts.AddRange(mounts);
        using var cancelled = new CancellationTokenSource();
        using var call = rig.Differ.ApplyAsync(request, cancellationToken: cancelled.Token);
        await content.Holding.Task;
        await cancelled.CancelAsync();
        Assert.Equal(StatusCode.Cancelled, (await Assert.ThrowsAsync<RpcException>(async () => await call)).StatusCode);
        content.HoldAfterFirstChunk = null;
        // The daemon ends its own work a moment after the client has gone.
        await ApplyAsync(rig, mounts, content.Add(Base()));
        await rig.CommitAsync("c", "a");
        Assert.Equal("sha256:" + TestImage.HexOf(Base()), Assert.Single(rig.Store.ListLayers()).DiffId.ToString());
    }

    [Theory]
    [MemberData(nameof(Drivers))]
    public async Task A_difference_is_written_into_the_content_store(string driver)
    {
        Assert.SkipUnless(Environment.IsPrivilegedProcess, "mounting needs root");
        await using var content = new MemoryContent();
        await using var rig = await ServeAsync(driver, content);
        await ApplyAsync(rig, content, "work", Base());
        await rig.CommitAsync("base", "work");
        string root = rig.Mount(await rig.PrepareAsync("box", "base"));
        File.WriteAllText(Path.Combine(root, "written"), "by the box");
        File.Delete(Path.Combine(root, "etc/gone"));
        var request = new DiffRequest { MediaType = "application/vnd.oci.image.layer.v1.tar", Ref = "diff-1" };
        request.Labels.Add("a", "b");
        request.Left.AddRange(await rig.ViewAsync("box-view", "base"));
        request.Right.AddRange(await rig.MountsAsync("box"));
        var response = await rig.Differ.DiffAsync(request);
        rig.Unmount(root);
        byte[] tar = content.Blobs[response.Diff.Digest];
        Assert.Equal(tar.Length, response.Diff.Size);
        Assert.Equal(response.Diff.Digest, content.Labels["containerd.io/uncompressed"]);
        Assert.Equal("b", content.Labels["a"]);
        File.WriteAllBytes(rig.Scratch["diff.tar"], tar);
        Assert.Equal(["etc/.wh.gone", "written"], Commands.Run("tar", "-tf", rig.Scratch["diff.tar"]).Split('\n', StringSplitOptions.RemoveEmptyEntries).Where(n => !n.EndsWith('/')).Order(StringComparer.Ordinal));

        request.MediaType = "";
        Assert.Equal("application/vnd.oci.image.layer.v1.tar+gzip", (await rig.Differ.DiffAsync(request)).Diff.MediaType);
        Assert.Equal(response.Diff.Digest, content.Labels["containerd.io/uncompressed"]);
        request.MediaType = "text/plain";
        await SnapshotRig.FailsAsync(StatusCode.Unimplemented, async () => await rig.Differ.DiffAsync(request));
    }

    [Fact]
    public async Task Mounts_of_others_are_left_to_other_differs()
    {
        await using var content = new MemoryContent();
        await using var rig = await ServeAsync("vfs", content);
        var foreign = new WireMount { Type = "bind", Source = rig.Scratch.Make("foreign"), Options = { "rbind", "rw" } };
        var ours = (await rig.PrepareAsync("a"))[0];
        ours.Options.Add("nosuid"); // not as it was handed out
        foreach (var mount in new[] { foreign, ours })
        {
            await SnapshotRig.FailsAsync(StatusCode.Unimplemented, () => ApplyAsync(rig, [mount], content.Add(Base())));
            var request = new DiffRequest { Right = { mount } };
            await SnapshotRig.FailsAsync(StatusCode.Unimplemented, async () => await rig.Differ.DiffAsync(request));
        }
        Assert.Empty(Directory.EnumerateFileSystemEntries(foreign.Source));
    }

    [Fact]
    public async Task Without_containerd_a_call_is_unavailable()
    {
        await using var rig = await SnapshotRig.StartAsync("vfs");
        var mounts = await rig.PrepareAsync("a");
        var diff = new BlobDescriptor { MediaType = "application/vnd.oci.image.layer.v1.tar", Digest = "sha256:" + new string('0', 64) };
        string message = await SnapshotRig.FailsAsync(StatusCode.Unavailable, () => ApplyAsync(rig, mounts, diff));
        Assert.Contains(rig.ContainerdAddress, message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("overlay")]
    [InlineData("erofs")]
    [InlineData("vfs")]
    public async Task A_layer_that_was_applied_on_nothing_removes_from_the_parent_that_it_is_put_on(string driver)
    {
        Assert.SkipUnless(Environment.IsPrivilegedProcess, "mounting needs root");
        await using var content = new MemoryContent();
        await using var rig = await ServeAsync(driver, content);
        // Both at the same time, as containerd unpacks in parallel; the second one's parent is told at its commit.
        await ApplyAsync(rig, content, "work1", Base());
        await ApplyAsync(rig, content, "work2", Changes());
        await rig.CommitAsync("1", "work1");
        await rig.CommitAsync("2", "work2", "1");
        Assert.Equal("1", (await rig.StatAsync("2")).Parent);
        await rig.LookAsync("2", root =>
        {
            Assert.Equal(["etc", "new"], SnapshotLifeTests.Names(root));
            Assert.Equal(["kept"], SnapshotLifeTests.Names(Path.Combine(root, "etc")));
        });
        Assert.Equal(2, rig.Store.ListLayers().Count);
        Assert.Equal(2, rig.LayersOfDriver().Count);
    }

    [Fact]
    public async Task A_blob_that_is_a_file_of_the_content_store_is_read_there_if_containerd_says_that_it_may_be()
    {
        await using var content = new MemoryContent();
        await using var rig = await ServeAsync("vfs", content);
        using var scratch = new ScratchDirectory();
        content.Root = scratch.Path;
        scratch.Make("blobs/sha256");
        var good = content.Add(Base());
        string path = scratch["blobs/" + good.Digest.Replace(':', '/')];

        await ApplyAsync(rig, await rig.PrepareAsync("not there"), good);
        Assert.Equal(1, content.Reads);
        File.WriteAllBytes(path, Base()[..^1]);
        await ApplyAsync(rig, await rig.PrepareAsync("of another size"), good);
        Assert.Equal(2, content.Reads);
        File.WriteAllBytes(path, Base());
        await ApplyAsync(rig, await rig.PrepareAsync("there"), good);
        Assert.Equal(2, content.Reads);
        File.WriteAllBytes(path, [.. Base()[..^1], 1]);
        await SnapshotRig.FailsAsync(StatusCode.DataLoss, async () => await ApplyAsync(rig, await rig.PrepareAsync("damaged"), good));
        Assert.Equal(2, content.Reads);
        content.Blobs.Clear(); // as one that is of another namespace
        await SnapshotRig.FailsAsync(StatusCode.NotFound, async () => await ApplyAsync(rig, await rig.PrepareAsync("not ours"), good));
    }

    private static byte[] Base() => new TarBuilder().Dir("etc").File("etc/kept", "kept").File("etc/gone", "gone").File("old", "old").ToArray();

    private static byte[] Changes() => new TarBuilder().Dir("etc").Whiteout("etc/gone").Whiteout("old").File("new", "new").ToArray();

    private static byte[] Big()
    {
        byte[] noise = new byte[1 << 20];
        new Random(1).NextBytes(noise);
        return new TarBuilder().Raw("big"u8.ToArray(), '0', content: noise).File("after", "after").ToArray();
    }

    private static LayerInput Input(byte[] tar) => new() { Open = () => new MemoryStream(tar, writable: false), BlobBytes = tar.Length, DiffId = new DiffId(Digest.Parse("sha256:" + TestImage.HexOf(tar))) };

    private static async Task<SnapshotRig> ServeAsync(string driver, MemoryContent content)
    {
        var rig = await SnapshotRig.StartAsync(driver);
        await content.ServeAsync(rig.ContainerdAddress);
        return rig;
    }

    private static async Task ApplyAsync(SnapshotRig rig, MemoryContent content, string key, byte[] tar) =>
        await ApplyAsync(rig, await rig.PrepareAsync(key), content.Add(tar));

    private static async Task ApplyAsync(SnapshotRig rig, IReadOnlyList<WireMount> mounts, BlobDescriptor? diff)
    {
        var request = new ApplyRequest { Diff = diff };
        request.Mounts.AddRange(mounts);
        await rig.Differ.ApplyAsync(request);
    }
}
