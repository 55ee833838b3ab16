using Grpc.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Strata.Daemon.Containerd.Wire;
using Strata.Drivers;
using Strata.Testing;

namespace Strata.Daemon.Tests.Containerd;

/// <content>What goes wrong: no call fails by it, the daemon goes on, and what comes later is applied ahead again.</content>
public sealed partial class AheadTests
{
    private static readonly byte[] Later = Compressed(new TarBuilder().Raw("later"u8.ToArray(), '0', content: Noise(5)).ToArray());

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_layer_that_a_snapshot_cannot_be_given_is_applied_by_the_call(bool surprise)
    {
        Exception failure = surprise ? new InvalidOperationException("nobody thought of it") : StrataException.Exhausted("the disk is full");
        bool fails = false;
        var log = new LogLines();
        await using var content = new MemoryContent();
        await using var rig = await ServeAsync("erofs", content, StumblingDriver.Registry(call => fails && call == nameof(IRebasingDriver.Rebase) ? failure : null), log.AddTo);
        var lower = await ComeAsync(rig, content, Lower, 1);
        var upper = await ComeAsync(rig, content, Upper, 2);
        await ApplyAsync(rig, "a", "", lower);
        await rig.CommitAsync("a", "a-work");
        fails = true;
        await ApplyAsync(rig, "b", "a", upper);
        fails = false;
        Assert.Equal(2, rig.LayersOfDriver().Count); // what was applied ahead is gone
        Assert.Contains(failure.Message, Assert.Single(log.Of(LogLevel.Information), line => line.Contains(upper.Digest, StringComparison.Ordinal)), StringComparison.Ordinal);
        Assert.Equal(surprise ? 1 : 0, log.Of(LogLevel.Error).Length);
        await rig.CommitAsync("b", "b-work");
        await rig.LookAsync("b", root =>
        {
            Assert.Equal(["big", "etc", "new"], SnapshotLifeTests.Names(root));
            Assert.Equal(["kept"], SnapshotLifeTests.Names(Path.Combine(root, "etc")));
        });
        Assert.Empty(rig.Store.Check(new Store.CheckOptions { Deep = true }).Findings);
        await TakeAsync(rig, content, await ComeAsync(rig, content, Later, 3), "later");
    }

    [Fact]
    public async Task A_snapshot_that_something_is_in_is_refused_the_layer_and_keeps_what_it_has()
    {
        await using var content = new MemoryContent();
        await using var rig = await ServeAsync("erofs", content);
        string root = rig.Mount(await rig.PrepareAsync("full"));
        File.WriteAllText(Path.Combine(root, "mine"), "");
        rig.Unmount(root);
        var blob = await ComeAsync(rig, content, Lower, 2);
        await SnapshotRig.FailsAsync(StatusCode.FailedPrecondition, async () => await ApplyAgainAsync(rig, "full", blob));
        Assert.Single(rig.LayersOfDriver()); // what was applied ahead is gone
        root = rig.Mount(await rig.MountsAsync("full"));
        Assert.Equal(["mine"], SnapshotLifeTests.Names(root));
        rig.Unmount(root);
        await ApplyAsync(rig, "empty", "", blob);
    }

    /// <summary>The limit of instances is thrown, that of watches is an event; by either way may come what nobody thought of.</summary>
    [Theory]
    [InlineData(true, false)]
    [InlineData(false, false)]
    [InlineData(true, true)]
    [InlineData(false, true)]
    public async Task What_cannot_be_watched_is_told_once_and_watched_when_it_can_be(bool thrown, bool surprise)
    {
        Exception failure = surprise ? new InvalidOperationException("nobody thought of it") : new IOException("the limit of inotify has been reached");
        string[] Told(LogLines log) => [.. log.Of(surprise ? LogLevel.Error : LogLevel.Warning).Where(line => line.Contains(failure.Message, StringComparison.Ordinal))];
        var log = new LogLines();
        var watchers = new Watchers(thrown);
        watchers.Fail(failure);
        await using var content = new MemoryContent();
        await using var rig = await ServeAsync("erofs", content, besides: services =>
        {
            log.AddTo(services);
            services.AddSingleton<Func<string, FileSystemWatcher>>(watchers.Make);
        });
        await UntilAsync(() => watchers.Made > 2, "it is tried again");
        Assert.Single(Told(log));
        await watchers.MendAsync();
        await TakeAsync(rig, content, await ComeAsync(rig, content, Lower, 1), "a");

        // Now that it went well it is told anew; what was applied before can be had.
        var before = await ComeAsync(rig, content, Upper, 2);
        watchers.Fail(failure);
        await UntilAsync(() => Told(log).Length == 2, "it is told again");
        await TakeAsync(rig, content, before, "b");
        await watchers.MendAsync();
        await TakeAsync(rig, content, await ComeAsync(rig, content, Later, 3), "c");
        Assert.Equal(2, Told(log).Length);
    }

    [Fact]
    public async Task A_surprise_while_a_layer_is_applied_ahead_is_told_once_and_leaves_nothing()
    {
        bool fails = true;
        int failed = 0;
        var log = new LogLines();
        await using var content = new MemoryContent();
        await using var rig = await ServeAsync("erofs", content, StumblingDriver.Registry(Failure), log.AddTo);
        await UntilAsync(() => log.Of(LogLevel.Information).Any(line => line.Contains(content.Root!, StringComparison.Ordinal)), "it is watched");
        var lower = content.Add(Lower, "application/vnd.oci.image.layer.v1.tar+gzip");
        await PutAsync(content, lower);
        await PutAsync(content, content.Add(Upper));
        await UntilAsync(() => failed == 2 && rig.LayersOfDriver().Count == 0, "both are tried");
        Assert.Contains("nobody thought of it", Assert.Single(log.Of(LogLevel.Error)), StringComparison.Ordinal);
        fails = false;
        await ApplyAsync(rig, "a", "", lower);
        await TakeAsync(rig, content, await ComeAsync(rig, content, Later, 2), "b");

        Exception? Failure(string call)
        {
            if (!fails || call != nameof(IDriver.ApplyDiff))
                return null;
            failed++;
            return new InvalidOperationException("nobody thought of it");
        }
    }

    private static async Task ApplyAsync(SnapshotRig rig, string name, string parent, BlobDescriptor blob)
    {
        await rig.PrepareAsync(name + "-work", parent);
        await ApplyAgainAsync(rig, name + "-work", blob);
    }

    /// <summary>A snapshot gets what was applied ahead: the blob itself is not there any more.</summary>
    private static async Task TakeAsync(SnapshotRig rig, MemoryContent content, BlobDescriptor blob, string name)
    {
        File.WriteAllBytes(PathOf(content, blob), new byte[blob.Size]);
        await ApplyAsync(rig, name, "", blob);
        Assert.Equal(0, content.Reads);
    }

    private static async Task UntilAsync(Func<bool> condition, string what)
    {
        for (int i = 0; !condition(); i++)
        {
            Assert.True(i < 900, $"waited for in vain: {what}");
            await Task.Delay(100);
        }
    }

    /// <summary>Makes what watches as the kernel does, or fails.</summary>
    private sealed class Watchers(bool thrown)
    {
        private readonly Lock _gate = new();
        private Exception? _failure;
        private Action<Exception> _failLast = _ => { };
        private Task _failing = Task.CompletedTask;

        internal int Made { get; private set; }

        internal FileSystemWatcher Make(string path)
        {
            lock (_gate)
            {
                Made++;
                if (_failure is not null && thrown)
                    throw _failure;
                var made = new Watcher(path); // disposed by whoever asked for it
                _failing = _failure is { } failure ? made.FailWhenItWatches(failure) : Task.CompletedTask;
                _failLast = made.Fail;
                return made;
            }
        }

        /// <summary>What watches now fails, if anything does, and whatever is made.</summary>
        internal void Fail(Exception failure)
        {
            lock (_gate)
            {
                _failure = failure;
                _failLast(failure);
            }
        }

        /// <summary>Whatever is made watches.</summary>
        internal async Task MendAsync()
        {
            Task failing;
            lock (_gate)
                (_failure, failing) = (null, _failing);
            await failing;
        }
    }

    private sealed class Watcher(string path) : FileSystemWatcher(path)
    {
        private volatile bool _ended;

        internal void Fail(Exception error) => OnError(new ErrorEventArgs(error));

        internal Task FailWhenItWatches(Exception error) => Task.Run(async () =>
        {
            while (!EnableRaisingEvents && !_ended)
                await Task.Delay(5);
            Fail(error);
        });

        protected override void Dispose(bool disposing)
        {
            _ended = true;
            base.Dispose(disposing);
        }
    }
}
