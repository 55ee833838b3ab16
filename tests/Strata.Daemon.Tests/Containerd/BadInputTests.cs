using Grpc.Core;
using Strata.Daemon.Containerd.Wire;
using Strata.Store;

namespace Strata.Daemon.Tests.Containerd;

/// <summary>What a broken or careless client does, and what others do at the same time.</summary>
public sealed class BadInputTests
{
    private static readonly Marshaller<byte[]> Raw = Marshallers.Create(bytes => bytes, bytes => bytes);

    [Theory]
    [InlineData("Prepare")]
    [InlineData("Commit")]
    [InlineData("Update")]
    [InlineData("List")]
    public async Task Malformed_messages_are_refused_and_harm_nobody(string method)
    {
        await using var rig = await SnapshotRig.StartAsync("vfs");
        foreach (byte[] message in new byte[][]
        {
            [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
            [0x12, 0x7f, 0x41], // a key that is longer than the message
            [0x12, 0x02, 0xc3, 0x28], // a key that is not UTF-8
        })
        {
            var call = new Method<byte[], byte[]>(method == "List" ? MethodType.ServerStreaming : MethodType.Unary, "containerd.services.snapshots.v1.Snapshots", method, Raw, Raw);
            var error = await Assert.ThrowsAsync<RpcException>(async () =>
            {
                if (method == "List")
                    await rig.Invoker.AsyncServerStreamingCall(call, null, default, message).ResponseStream.MoveNext();
                else
                    await rig.Invoker.AsyncUnaryCall(call, null, default, message);
            });
            Assert.NotEqual(StatusCode.OK, error.StatusCode);
        }
        var unknown = new Method<byte[], byte[]>(MethodType.Unary, "containerd.services.snapshots.v1.Snapshots", "Destroy", Raw, Raw);
        Assert.Equal(StatusCode.Unimplemented, (await Assert.ThrowsAsync<RpcException>(async () => await rig.Invoker.AsyncUnaryCall(unknown, null, default, []))).StatusCode);
        await rig.PrepareAsync("good");
        Assert.Equal(["good"], await rig.ListAsync());
    }

    [Fact]
    public async Task A_message_that_is_too_large_is_refused()
    {
        await using var rig = await SnapshotRig.StartAsync("vfs");
        await SnapshotRig.FailsAsync(StatusCode.ResourceExhausted, () => rig.PrepareAsync(new string('k', 17 << 20)));
        await SnapshotRig.FailsAsync(StatusCode.InvalidArgument, () => rig.PrepareAsync(new string('k', 1 << 20)));
        Assert.Empty(await rig.ListAsync());
    }

    [Fact]
    public async Task What_is_removed_is_never_the_parent_of_what_is_made()
    {
        await using var rig = await SnapshotRig.StartAsync("vfs");
        for (int round = 0; round < 10; round++)
        {
            await rig.PrepareAsync("p-active");
            await rig.CommitAsync("p", "p-active");
            Task remove = Task.CompletedTask;
            var prepares = Enumerable.Range(0, 6).Select(i =>
            {
                if (i == 3)
                    remove = rig.RemoveAsync("p");
                return rig.PrepareAsync($"child {i}", "p");
            }).ToArray();
            await Task.WhenAll(prepares.Append(remove).Select(t => t.ContinueWith(_ => { }, TaskScheduler.Default)));
            string[] there = await rig.ListAsync();
            Assert.Equal(remove.IsCompletedSuccessfully, !there.Contains("p"));
            Assert.Equal(prepares.Count(p => p.IsCompletedSuccessfully), there.Count(k => k != "p"));
            Assert.True(there.Contains("p") || there.Length == 0, string.Join(", ", there));
            foreach (string key in there.OrderBy(k => k == "p"))
                await rig.RemoveAsync(key);
            Assert.Empty(rig.LayersOfDriver());
        }
    }

    [Fact]
    public async Task Another_process_that_changes_the_store_is_seen()
    {
        await using var rig = await SnapshotRig.StartAsync("vfs");
        using var other = Strata.Store.Store.Open(new StoreOptions { Root = rig.Scratch["store"] });
        other.Snapshots.Prepare("theirs");
        await SnapshotRig.FailsAsync(StatusCode.AlreadyExists, () => rig.PrepareAsync("theirs"));
        await rig.CommitAsync("layer", "theirs");
        await rig.PrepareAsync("ours", "layer");
        other.Snapshots.Remove("ours");
        await SnapshotRig.FailsAsync(StatusCode.NotFound, () => rig.MountsAsync("ours"));
        await SnapshotRig.FailsAsync(StatusCode.NotFound, () => rig.CommitAsync("c", "ours"));
    }

    [Theory]
    [InlineData("overlay")]
    [InlineData("vfs")]
    public async Task On_a_full_disk_removing_works(string driver)
    {
        Assert.SkipUnless(Environment.IsPrivilegedProcess, "mounting needs root");
        await using var rig = await SnapshotRig.StartAsync(driver, tmpfsOptions: "size=4m");
        string root = rig.Mount(await rig.PrepareAsync("full"));
        Assert.ThrowsAny<IOException>(() =>
        {
            using var file = File.Create(Path.Combine(root, "big"));
            byte[] some = new byte[4096];
            while (file.Length < 64 << 20)
            {
                file.Write(some);
                file.Flush();
            }
        });
        rig.Unmount(root);
        var error = await Assert.ThrowsAsync<RpcException>(async () =>
        {
            for (int i = 0; i < 200; i++)
                await rig.PrepareAsync($"more {i} {new string('k', 3000)}");
        });
        Assert.True(error.StatusCode == StatusCode.ResourceExhausted, $"{error.Status}");
        await rig.RemoveAsync("full");
        await rig.PrepareAsync("room again");
    }
}
