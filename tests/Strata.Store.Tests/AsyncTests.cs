using Strata.Testing;

namespace Strata.Store.Tests;

/// <summary>The asynchronous door: the same results and errors, off the caller's thread.</summary>
public sealed class AsyncTests
{
    [Fact]
    public async Task A_layer_comes_is_used_and_goes()
    {
        var token = TestContext.Current.CancellationToken;
        using var rig = new StoreRig("overlay");
        rig.Store.Dispose();
        await using var store = await Store.OpenAsync(new StoreOptions { Root = rig.Root }, token);
        byte[] tar = StoreRig.Tar(1);
        var layer = await store.RegisterLayerAsync(new MemoryStream(tar), cancellationToken: token);
        Assert.Equal(StoreRig.DiffIdOf(tar), layer.DiffId);
        await store.CreateWritableAsync("box", layer.ChainId, cancellationToken: token);
        string path = await store.MountAsync("box", cancellationToken: token);
        await File.WriteAllTextAsync(Path.Combine(path, "new"), "x", token);
        await store.UnmountAsync("box", token);
        Assert.Equal(["A /new"], (await store.ChangesAsync("box", cancellationToken: token)).Select(c => c.ToString()));
        var committed = await store.CommitAsync("box", cancellationToken: token);
        using var diff = new MemoryStream();
        await store.DiffAsync("box", diff, cancellationToken: token);
        using var given = new MemoryStream();
        await store.WriteTarAsync(committed, given, token);
        Assert.Equal(diff.ToArray(), given.ToArray());
        await store.RemoveWritableAsync("box", token);
        await store.RemoveLayerAsync(committed.ChainId, token);
        await store.RemoveLayerAsync(layer.ChainId, token);
        Assert.Empty(store.Driver.List());
    }

    [Fact]
    public async Task Errors_are_those_of_the_other_door()
    {
        using var rig = new StoreRig("overlay");
        var e = await Assert.ThrowsAnyAsync<StrataException>(() => rig.Store.RegisterLayerAsync(
            new MemoryStream(StoreRig.Tar(1)), diffId: StoreRig.DiffIdOf(StoreRig.Tar(2)), cancellationToken: TestContext.Current.CancellationToken));
        Assert.Equal(ErrorKind.Corrupt, e.Kind);
        e = await Assert.ThrowsAnyAsync<StrataException>(() => rig.Store.MountAsync("none", cancellationToken: TestContext.Current.CancellationToken));
        Assert.Equal(ErrorKind.NotFound, e.Kind);
        Assert.Empty(rig.Store.Driver.List());
    }

    [Fact]
    public async Task Cancelled_in_the_middle_it_leaves_nothing()
    {
        using var rig = new StoreRig("overlay");
        using var cancelled = new CancellationTokenSource();
        using var slow = new EndlessTar(cancelled);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => rig.Store.RegisterLayerAsync(slow, cancellationToken: cancelled.Token));
        Assert.Empty(rig.Store.Driver.List());
        Assert.Empty(rig.Store.ListLayers());
    }

    /// <summary>A tar of one file that has no end; asks for an end itself after a while.</summary>
    private sealed class EndlessTar(CancellationTokenSource cancelled) : ReadOnlyStream
    {
        private readonly byte[] _start = new TarBuilder().Raw("f"u8.ToArray(), '0', size: 1L << 40).ToArray(endBlocks: 0);
        private long _given;

        public override int Read(Span<byte> buffer)
        {
            if (_given > 8 << 20)
                cancelled.Cancel();
            int fromStart = (int)Math.Min(buffer.Length, Math.Max(0, _start.Length - _given));
            _start.AsSpan((int)Math.Min(_given, _start.Length), fromStart).CopyTo(buffer);
            buffer[fromStart..].Clear();
            _given += buffer.Length;
            return buffer.Length;
        }
    }
}
