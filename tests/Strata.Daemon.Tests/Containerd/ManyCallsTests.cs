using System.Diagnostics;
using Grpc.Core;
using Strata.Daemon.Containerd.Wire;
using Strata.Testing;

namespace Strata.Daemon.Tests.Containerd;

/// <summary>Calls beside each other: slow ones, late ones, ones for what is going.</summary>
public sealed class ManyCallsTests
{
    private static readonly TimeSpan AtOnce = TimeSpan.FromSeconds(20); // on a busy machine; the slow one would take for ever

    [Theory]
    [InlineData("overlay")]
    [InlineData("erofs")]
    [InlineData("vfs")]
    public async Task A_slow_apply_keeps_no_other_call_waiting(string driver)
    {
        Assert.SkipUnless(driver == "vfs" || Environment.IsPrivilegedProcess, "mounting needs root");
        await using var content = new MemoryContent { HoldAfterFirstChunk = new TaskCompletionSource() };
        await using var rig = await ServeAsync(driver, content);
        await rig.PrepareAsync("base-active");
        await rig.CommitAsync("base", "base-active");
        var request = new ApplyRequest { Diff = content.Add(Big()) };
        request.Mounts.AddRange(await rig.PrepareAsync("slow", "base"));
        using var slow = rig.Differ.ApplyAsync(request);
        await content.Holding.Task;
        content.HoldAfterFirstChunk = null; // the others are as fast as they can be; this one still waits for its own

        var watch = Stopwatch.StartNew();
        var other = new ApplyRequest { Diff = content.Add(Big('y')) };
        other.Mounts.AddRange(await rig.PrepareAsync("other", "base").WaitAsync(AtOnce));
        await rig.Differ.ApplyAsync(other).ResponseAsync.WaitAsync(AtOnce);
        await rig.CommitAsync("other-done", "other").WaitAsync(AtOnce);
        await rig.ViewAsync("look", "base").WaitAsync(AtOnce);
        await rig.MountsAsync("look").WaitAsync(AtOnce);
        await rig.StatAsync("slow").WaitAsync(AtOnce);
        Assert.Equal(5, (await rig.ListAsync().WaitAsync(AtOnce)).Length + 1);
        await rig.RemoveAsync("look").WaitAsync(AtOnce);
        await rig.RemoveAsync("other-done").WaitAsync(AtOnce);
        Assert.False(slow.ResponseAsync.IsCompleted, $"not slow after {watch.Elapsed}");
        content.Release();
        await slow;
        await rig.CommitAsync("slow-done", "slow");
    }

    [Fact]
    public async Task A_callers_deadline_ends_the_work_and_leaves_the_snapshot_as_it_was()
    {
        await using var content = new MemoryContent { HoldAfterFirstChunk = new TaskCompletionSource() };
        await using var rig = await ServeAsync("vfs", content);
        var request = new ApplyRequest { Diff = content.Add(Big()) };
        request.Mounts.AddRange(await rig.PrepareAsync("a"));
        await SnapshotRig.FailsAsync(StatusCode.DeadlineExceeded, async () => await rig.Differ.ApplyAsync(request, deadline: DateTime.UtcNow.AddSeconds(1)));
        content.HoldAfterFirstChunk = null;
        await rig.Differ.ApplyAsync(request).ResponseAsync.WaitAsync(AtOnce); // the key is free again, and what is there is nothing
        await rig.CommitAsync("c", "a");
    }

    [Fact]
    public async Task A_call_that_moves_nothing_for_the_call_timeout_is_given_up()
    {
        await using var content = new MemoryContent { HoldAfterFirstChunk = new TaskCompletionSource() };
        await using var rig = await ServeAsync("vfs", content, TimeSpan.FromSeconds(1));
        var request = new ApplyRequest { Diff = content.Add(Big()) };
        request.Mounts.AddRange(await rig.PrepareAsync("a"));
        Assert.Contains("call-timeout", await SnapshotRig.FailsAsync(StatusCode.DeadlineExceeded, async () => await rig.Differ.ApplyAsync(request)), StringComparison.Ordinal);
        await rig.RemoveAsync("a");
        Assert.Empty(rig.LayersOfDriver());
    }

    [Theory]
    [InlineData("overlay")]
    [InlineData("vfs")]
    public async Task Calls_for_what_is_being_removed_are_done_or_find_nothing(string driver)
    {
        Assert.SkipUnless(driver == "vfs" || Environment.IsPrivilegedProcess, "mounting needs root");
        await using var rig = await SnapshotRig.StartAsync(driver);
        for (int round = 0; round < 8; round++)
        {
            await rig.PrepareAsync("going");
            var calls = new (string What, Task Call)[]
            {
                ("mounts", rig.MountsAsync("going")), ("stat", rig.StatAsync("going")), ("remove", rig.RemoveAsync("going")), ("usage", rig.Client.UsageAsync(new UsageRequest { Key = "going" }).ResponseAsync),
                ("commit", rig.CommitAsync("gone", "going")), ("again", rig.RemoveAsync("going")), ("mounts", rig.MountsAsync("going")),
            };
            foreach (var (what, call) in calls)
            {
                try
                {
                    await call;
                }
                catch (RpcException e)
                {
                    Assert.True(e.StatusCode == StatusCode.NotFound, $"{what}: {e.Status}");
                }
            }
            string[] there = await rig.ListAsync();
            Assert.True(there is [] or ["gone"], string.Join(", ", there));
            if (there.Length > 0)
                await rig.RemoveAsync("gone");
            Assert.Empty(rig.LayersOfDriver());
        }
    }

    [Theory]
    [InlineData("Apply")]
    [InlineData("Diff")]
    public async Task Malformed_messages_to_the_differ_are_refused_and_harm_nobody(string method)
    {
        await using var content = new MemoryContent();
        await using var rig = await ServeAsync("vfs", content);
        var mounts = await rig.PrepareAsync("a");
        var raw = Marshallers.Create(bytes => bytes, bytes => bytes);
        var call = new Method<byte[], byte[]>(MethodType.Unary, "containerd.services.diff.v1.Diff", method, raw, raw);
        foreach (byte[] message in new byte[][] { [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff], [0x0a, 0x7f, 0x41], [] })
            Assert.NotEqual(StatusCode.OK, (await Assert.ThrowsAsync<RpcException>(async () => await rig.Invoker.AsyncUnaryCall(call, null, default, message))).StatusCode);
        foreach (var (code, diff) in new[]
        {
            (StatusCode.InvalidArgument, new BlobDescriptor { MediaType = "application/vnd.oci.image.layer.v1.tar", Digest = "sha256:../../etc/passwd", Size = 1 }),
            (StatusCode.NotFound, new BlobDescriptor { MediaType = "application/vnd.oci.image.layer.v1.tar", Digest = "sha256:" + new string('0', 64), Size = 1 }),
            (StatusCode.Unimplemented, new BlobDescriptor { MediaType = "text/html", Digest = "sha256:" + new string('0', 64), Size = 1 }),
        })
        {
            var request = new ApplyRequest { Diff = diff };
            request.Mounts.AddRange(mounts);
            await SnapshotRig.FailsAsync(code, async () => await rig.Differ.ApplyAsync(request));
        }
        await rig.CommitAsync("still good", "a");
    }

    [Fact]
    public async Task On_a_full_disk_an_apply_fails_and_the_snapshot_is_as_it_was()
    {
        Assert.SkipUnless(Environment.IsPrivilegedProcess, "mounting needs root");
        await using var content = new MemoryContent();
        await using var rig = await ServeAsync("overlay", content, tmpfsOptions: "size=4m");
        var request = new ApplyRequest { Diff = content.Add(Big(size: 8 << 20)) };
        request.Mounts.AddRange(await rig.PrepareAsync("a"));
        await SnapshotRig.FailsAsync(StatusCode.ResourceExhausted, async () => await rig.Differ.ApplyAsync(request));
        request.Diff = content.Add(Big());
        await rig.Differ.ApplyAsync(request);
        await rig.CommitAsync("c", "a");
        Assert.Single(rig.Store.ListLayers());
        Assert.Empty(rig.Store.Check(deep: true));
    }

    private static byte[] Big(char c = 'x', int size = 300_000) => new TarBuilder().File("big", new string(c, size)).ToArray();

    private static async Task<SnapshotRig> ServeAsync(string driver, MemoryContent content, TimeSpan? callTimeout = null, string? tmpfsOptions = null)
    {
        var rig = await SnapshotRig.StartAsync(driver, null, tmpfsOptions, callTimeout: callTimeout);
        await content.ServeAsync(rig.ContainerdAddress);
        return rig;
    }
}
