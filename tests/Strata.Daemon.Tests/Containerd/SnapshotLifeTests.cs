using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using Strata.Daemon.Containerd.Wire;

namespace Strata.Daemon.Tests.Containerd;

/// <summary>The life of snapshots, after containerd's own suite: names, kinds, times, labels, errors.</summary>
public sealed class SnapshotLifeTests
{
    public static TheoryData<string> Drivers => Environment.IsPrivilegedProcess ? ["overlay", "erofs", "btrfs", "vfs"] : ["vfs"];

    [Theory]
    [MemberData(nameof(Drivers))]
    public async Task Prepare_commit_stat_view_and_remove_in_order(string driver)
    {
        await using var rig = await SnapshotRig.StartAsync(driver);
        await rig.LayerAsync("committed-1", "", root => File.WriteAllText(Path.Combine(root, "foo"), "foo\n"));
        var info = await rig.StatAsync("committed-1");
        Assert.Equal((Kind.Committed, "", "committed-1"), (info.Kind, info.Parent, info.Name));
        await SnapshotRig.FailsAsync(StatusCode.NotFound, () => rig.StatAsync("committed-1-work"));

        string next = rig.Mount(await rig.PrepareAsync("next", "committed-1"));
        Assert.Equal("foo\n", File.ReadAllText(Path.Combine(next, "foo")));
        File.WriteAllText(Path.Combine(next, "bar"), "bar\n");
        Assert.Equal((Kind.Active, "committed-1"), ((await rig.StatAsync("next")).Kind, (await rig.StatAsync("next")).Parent));
        await rig.CommitAsync("committed-2", "next"); // while it is mounted
        rig.Unmount(next);
        await rig.LookAsync("committed-2", root => Assert.Equal(["bar", "foo"], Names(root)));
        Assert.Equal(Kind.Committed, (await rig.StatAsync("committed-2")).Kind);

        await SnapshotRig.FailsAsync(StatusCode.FailedPrecondition, () => rig.RemoveAsync("committed-1"));
        await rig.RemoveAsync("committed-2");
        await rig.RemoveAsync("committed-1");
        Assert.Empty(await rig.ListAsync());
        Assert.Empty(rig.LayersOfDriver());
    }

    [Theory]
    [MemberData(nameof(Drivers))]
    public async Task Each_wrong_call_has_its_code(string driver)
    {
        await using var rig = await SnapshotRig.StartAsync(driver);
        await rig.LayerAsync("base", "", _ => { });
        await rig.PrepareAsync("active", "base");
        await rig.ViewAsync("view", "base");
        foreach (var (code, call) in new (StatusCode, Func<Task>)[]
        {
            (StatusCode.NotFound, () => rig.MountsAsync("none")),
            (StatusCode.NotFound, () => rig.StatAsync("none")),
            (StatusCode.NotFound, () => rig.RemoveAsync("none")),
            (StatusCode.NotFound, () => rig.CommitAsync("new", "none")),
            (StatusCode.NotFound, () => rig.PrepareAsync("new", "none")),
            (StatusCode.NotFound, async () => await rig.Client.UsageAsync(new UsageRequest { Key = "none" })),
            (StatusCode.NotFound, async () => await rig.Client.UpdateAsync(new UpdateSnapshotRequest { Info = new Info { Name = "none" } })),
            (StatusCode.AlreadyExists, () => rig.PrepareAsync("active")),
            (StatusCode.AlreadyExists, () => rig.PrepareAsync("base")),
            (StatusCode.AlreadyExists, () => rig.ViewAsync("view", "base")),
            (StatusCode.AlreadyExists, () => rig.ViewAsync("active", "base")),
            (StatusCode.AlreadyExists, () => rig.CommitAsync("base", "active")),
            (StatusCode.InvalidArgument, () => rig.PrepareAsync("new", "active")),
            (StatusCode.InvalidArgument, () => rig.ViewAsync("new", "view")),
            (StatusCode.FailedPrecondition, () => rig.CommitAsync("new", "view")),
            (StatusCode.FailedPrecondition, () => rig.CommitAsync("new", "base")),
            (StatusCode.FailedPrecondition, () => rig.MountsAsync("base")),
            (StatusCode.FailedPrecondition, () => rig.RemoveAsync("base")),
            (StatusCode.InvalidArgument, () => rig.PrepareAsync("")),
            (StatusCode.InvalidArgument, () => rig.CommitAsync("", "active")),
            (StatusCode.InvalidArgument, () => rig.PrepareAsync("a\0b")),
            (StatusCode.InvalidArgument, () => rig.PrepareAsync(new string('k', 4097))),
            (StatusCode.InvalidArgument, () => rig.ListAsync("name==")),
            (StatusCode.InvalidArgument, () => rig.ListAsync("name~=(")),
            (StatusCode.InvalidArgument, () => rig.ListAsync("==x")),
            (StatusCode.InvalidArgument, () => rig.ListAsync("name==x,")),
            (StatusCode.InvalidArgument, () => rig.PrepareAsync("new", "base", ("big", new string('v', 4096)))),
        })
        {
            string message = await SnapshotRig.FailsAsync(code, call);
            Assert.DoesNotContain("Exception", message, StringComparison.Ordinal);
        }
        Assert.Equal(["active", "base", "view"], await rig.ListAsync());
    }

    [Fact]
    public async Task Keys_are_opaque()
    {
        await using var rig = await SnapshotRig.StartAsync("vfs");
        string[] keys = ["default/1/extract-578111483--HzD sha256:2547", "../../etc/passwd", "/", ".", "..", "a'; DROP TABLE snapshots; --", "\n\t", "ключ 🔑", new string('k', 4096), "%_*"];
        foreach (string key in keys)
        {
            await rig.PrepareAsync(key);
            Assert.Equal(key, (await rig.StatAsync(key)).Name);
        }
        Assert.Equal(keys.Order(StringComparer.Ordinal), await rig.ListAsync());
        foreach (string key in keys)
            await rig.RemoveAsync(key);
        Assert.Empty(await rig.ListAsync());
    }

    [Fact]
    public async Task A_store_that_was_never_used_lists_nothing()
    {
        await using var rig = await SnapshotRig.StartAsync("vfs");
        Assert.Empty(await rig.ListAsync());
        Assert.Empty(await rig.ListAsync("kind==active"));
        await rig.Client.CleanupAsync(new CleanupRequest());
    }

    [Fact]
    public async Task Times_and_labels_are_updated_and_nothing_else_can_be()
    {
        await using var rig = await SnapshotRig.StartAsync("vfs");
        var before = DateTime.UtcNow.AddMilliseconds(-1);
        await rig.PrepareAsync("s", "", ("a", "1"), ("b", "2"), ("empty", ""));
        var made = await rig.StatAsync("s");
        Assert.Equal(new Dictionary<string, string> { ["a"] = "1", ["b"] = "2" }, made.Labels.ToDictionary());
        Assert.InRange(made.CreatedAt.ToDateTime(), before, DateTime.UtcNow);
        Assert.Equal(made.CreatedAt, made.UpdatedAt);
        Assert.NotEqual(0, (await rig.StatAsync("s")).CreatedAt.Nanos % 1_000_000_000);

        // One label, with times as containerd's client sends them when it says nothing: Go's zero.
        var zero = new Timestamp { Seconds = -62135596800 };
        var request = new UpdateSnapshotRequest { Info = new Info { Name = "s", CreatedAt = zero, UpdatedAt = zero }, UpdateMask = FieldMask.FromString("labels.a") };
        var updated = (await rig.Client.UpdateAsync(request)).Info;
        Assert.Equal(new Dictionary<string, string> { ["b"] = "2" }, updated.Labels.ToDictionary());
        Assert.Equal(made.CreatedAt, updated.CreatedAt);
        Assert.True(updated.UpdatedAt > made.UpdatedAt);

        request.Info.Labels.Add("containerd.io/gc.root", "x");
        request.Info.Labels.Add("ignored", "x");
        request.UpdateMask = new FieldMask { Paths = { "labels.containerd.io/gc.root" } };
        await rig.Client.UpdateAsync(request);
        Assert.Equal(["b", "containerd.io/gc.root"], (await rig.StatAsync("s")).Labels.Keys.Order(StringComparer.Ordinal));

        request.UpdateMask = null; // all that can be changed
        await rig.Client.UpdateAsync(request);
        Assert.Equal(["containerd.io/gc.root", "ignored"], (await rig.StatAsync("s")).Labels.Keys.Order(StringComparer.Ordinal));
        foreach (string field in new[] { "created_at", "kind", "parent", "name", "label" })
        {
            request.UpdateMask = new FieldMask { Paths = { field } };
            await SnapshotRig.FailsAsync(StatusCode.InvalidArgument, async () => await rig.Client.UpdateAsync(request));
        }
    }

    [Fact]
    public async Task Labels_of_commit_replace_those_of_prepare()
    {
        await using var rig = await SnapshotRig.StartAsync("vfs");
        await rig.PrepareAsync("a", "", ("of-prepare", "1"));
        await rig.CommitAsync("c", "a", "", ("of-commit", "2"));
        Assert.Equal(new Dictionary<string, string> { ["of-commit"] = "2" }, (await rig.StatAsync("c")).Labels.ToDictionary());
    }

    [Fact]
    public async Task A_key_is_free_again_after_remove_and_after_commit()
    {
        await using var rig = await SnapshotRig.StartAsync("vfs");
        await rig.PrepareAsync("k");
        await rig.RemoveAsync("k");
        await rig.PrepareAsync("k");
        await rig.CommitAsync("c", "k");
        await rig.PrepareAsync("k", "c");
        await rig.RemoveAsync("k");
        await rig.RemoveAsync("c");
        await rig.ViewAsync("c");
        Assert.Equal(Kind.View, (await rig.StatAsync("c")).Kind);
    }

    [Fact]
    public async Task Filters_select_as_containerds_do()
    {
        await using var rig = await SnapshotRig.StartAsync("vfs");
        await rig.PrepareAsync("base-active");
        await rig.CommitAsync("base", "base-active", "", ("app", "web"), ("containerd.io/snapshot.ref", "sha256:1"));
        await rig.PrepareAsync("one", "base", ("app", "web-2"));
        await rig.ViewAsync("two", "base");
        foreach (var (filters, expected) in new (string[], string[])[]
        {
            ([], ["base", "one", "two"]),
            ([""], ["base", "one", "two"]),
            (["name==one"], ["one"]),
            (["name!=one"], ["base", "two"]),
            (["name~=^o|^t"], ["one", "two"]),
            (["kind==committed"], ["base"]),
            (["kind==active", "kind==view"], ["one", "two"]),
            (["kind==active,name==two"], []),
            (["parent==base"], ["one", "two"]),
            (["parent==\"\""], ["base"]),
            (["labels.app"], ["base", "one"]),
            (["labels.app==web"], ["base"]),
            (["labels.app!=web"], ["one", "two"]),
            (["labels.app~=/^web-[0-9]$/"], ["one"]),
            (["labels.\"containerd.io/snapshot.ref\"==sha256:1,parent==\"\""], ["base"]),
            (["labels.\"containerd.io/snapshot.ref\"==\"sha256:1\",parent==base"], []),
            (["unknown==x"], []),
        })
            Assert.Equal(expected, await rig.ListAsync(filters));
    }

    [Fact]
    public async Task A_thousand_snapshots_are_streamed()
    {
        await using var rig = await SnapshotRig.StartAsync("vfs");
        await rig.PrepareAsync("base-active");
        await rig.CommitAsync("base", "base-active");
        await Task.WhenAll(Enumerable.Range(0, 1000).Select(i => rig.ViewAsync($"view {i:D4}", "base")));
        Assert.Equal(1001, (await rig.ListAsync()).Length);
        Assert.Equal(10, (await rig.ListAsync("name~=\"00[0-9]$\"")).Length);
    }

    [Fact]
    public async Task Of_many_who_want_one_key_one_gets_it()
    {
        await using var rig = await SnapshotRig.StartAsync("vfs");
        var calls = Enumerable.Range(0, 20).Select(_ => rig.PrepareAsync("k")).ToArray();
        await Task.WhenAll(calls.Select(c => c.ContinueWith(_ => { }, TaskScheduler.Default)));
        Assert.Equal(1, calls.Count(c => c.IsCompletedSuccessfully));
        Assert.All(calls.Where(c => !c.IsCompletedSuccessfully), c => Assert.Equal(StatusCode.AlreadyExists, ((RpcException)c.Exception!.InnerException!).StatusCode));
        Assert.Single(rig.LayersOfDriver());
    }

    internal static IEnumerable<string> Names(string root) => Directory.EnumerateFileSystemEntries(root).Select(p => Path.GetFileName(p)!).Order(StringComparer.Ordinal);
}
