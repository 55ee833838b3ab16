using System.Text;
using Strata.Api;
using Strata.Oci;
using Strata.Testing;

namespace Strata.Daemon.Tests.Api;

/// <summary>The same questions to a store and to its daemon have the same answers.</summary>
public sealed class RemoteTests
{
    [Theory]
    [InlineData("vfs")]
    [InlineData("overlay")]
    public async Task A_store_answers_alike_directly_and_through_the_api(string driver)
    {
        await using var rig = await ApiRig.StartAsync(driver);
        using var here = new StoreOperations(rig.Store, "test", owned: false);
        using var there = new RemoteOperations(rig.Socket);
        var told = new Told();

        // made through the API
        var layout = new TestImage().Layer(new TarBuilder().Dir("etc").File("etc/a", "one").Raw(Encoding.Latin1.GetBytes("etc/\xff"), '0', content: "odd"u8.ToArray()), "gzip").Layer(new TarBuilder().Dir("etc").File("etc/b", "two")).ToLayout("\"io.containerd.image.name\":\"localhost/test:1\"");
        var image = Assert.Single(there.Load(layout.WriteTar(rig.Scratch["image.tar"]), new LoadOptions { Progress = told }, default));
        Assert.Equal(["localhost/test:1"], image.Names);
        Assert.True(told.Last.DoneBytes > 0);
        Assert.Equal(image.Manifest, Assert.Single(there.Load(layout.WriteFolder(rig.Scratch["image"]), new LoadOptions { Name = "localhost/test:folder" }, default)).Manifest);
        there.Tag("localhost/test:1", "localhost/test:2");
        Assert.Equal("box", there.Create(new CreateRequest { Name = "box", From = image.Config.Hex[..12], Init = true }, null, default));
        string root = there.Mount("box", null);
        File.WriteAllText(Path.Combine(root, "new"), "12345");
        Commands.Run("bash", "-c", $"rm '{root}'/etc/a '{root}'/etc/$'\\xff'");
        var layer = there.Apply(new MemoryStream(new TarBuilder().File("x", "y").ToArray()), null, null, default);
        Assert.Contains(Store.Store.AppliedLease, rig.Store.ListLeases().Where(l => l.Layers.Contains(layer.ChainId)).Select(l => l.Name));

        // asked of both
        Assert.Equal(here.GetStatus().Held, there.GetStatus().Held);
        Assert.Equal(here.GetStatus().DriverStatus, there.GetStatus().DriverStatus);
        Same(o => o.GetFacts().Drivers.Select(d => (d.Name, d.CanServe)));
        Same(o => o.ListImages().Select(i => (i.Manifest, i.Config, i.TopLayer, i.SizeBytes, i.Created, i.Platform, string.Join(' ', i.Names), string.Join(' ', i.Indexes))));
        Same(o => o.ListIndexes().Select(i => i.Digest));
        Same(o => o.ListLayers());
        Same(o => o.ListLayers(1));
        Same(o => o.ListLayers(5, here.ListLayers()[0].ChainId.Digest.Hex[..8]));
        Same(o => o.ListWritable());
        Same(o => o.Changes("box", true, default));
        Same(o => o.History("localhost/test:1", null).Select(s => (s.Entry, s.Layer)));
        Same(o => o.Inspect("localhost/test:1", null));
        Same(o => o.Inspect("box", null));
        Same(o => o.Inspect(layer.ChainId.ToString(), null));
        Same(o => o.ReadDocument("localhost/test:1", null, "config"));
        Same(o => o.Measure([], null, default));
        Same(o => o.Measure(["box", "localhost/test:2"], null, default));
        Same(o => o.Check(true, false, false, [], null, default).Findings);
        Same(o => o.Collect(true, true, null, default).Layers);
        Same(o => Bytes(to => o.Diff("box", to, null, default)));
        Same(o => Bytes(to => o.Save(["localhost/test:1"], null, to, new SaveOptions { Format = SaveFormat.Oci }, default)));
        Assert.True(there.Check(true, false, false, [], told, default).Layers >= 3); // told as it goes

        // and taken away through the API
        var changes = new ImageChanges { Config = [ConfigChange.Parse("ENV A=b")], Author = "me", Message = "why" };
        var committed = there.Commit("box", "localhost/test:3", changes, told, default);
        Assert.Contains("\"A=b\"", Encoding.UTF8.GetString(here.ReadDocument("localhost/test:3", null, "config")), StringComparison.Ordinal);
        Assert.Equal(new Removed(RemovedKind.Image, "localhost/test:3", 1), there.Remove("localhost/test:3", false));
        Assert.Equal(committed.Config, committed.Config);
        there.Unmount("box");
        Assert.Equal(new Removed(RemovedKind.Writable, "box"), there.Remove("box", false));
        Assert.Equal(new Removed(RemovedKind.Name, "localhost/test:folder"), there.Remove("localhost/test:folder", false));
        Assert.Equal(new Untagged("localhost/test:2", image.Config), there.Untag("localhost/test:2"));
        Assert.Null(there.Untag("localhost/test:2"));
        Assert.Equal(new Removed(RemovedKind.Layer, layer.ChainId.ToString()), there.Remove(layer.ChainId.ToString(), false));
        Assert.Equal(RemovedKind.Image, there.Remove("localhost/test:1", false).Kind);
        Assert.Empty(there.Collect(false, false, told, default).Failures);
        Assert.Empty(rig.Store.ListLayers());

        void Same<T>(Func<IStoreOperations, IEnumerable<T>> ask) => Assert.Equal(ask(here), ask(there));
    }

    [Fact]
    public async Task Errors_keep_their_kind_and_their_words()
    {
        await using var rig = await ApiRig.StartAsync("vfs");
        using var here = new StoreOperations(rig.Store, "test", owned: false);
        using var there = new RemoteOperations(rig.Socket);
        byte[] junk = new byte[8 << 20];
        Random.Shared.NextBytes(junk);
        foreach (var (kind, ask) in new (ErrorKind, Action<IStoreOperations>)[]
        {
            (ErrorKind.NotFound, o => o.Mount("none", null)), (ErrorKind.NotFound, o => o.Inspect("none", null)), (ErrorKind.NotFound, o => o.Remove("none", true)),
            (ErrorKind.NotFound, o => o.Diff("none", Stream.Null, null, default)), (ErrorKind.NotFound, o => o.Save(["none"], null, Stream.Null, new SaveOptions(), default)),
            (ErrorKind.NotFound, o => o.Commit("none", "localhost/x", new ImageChanges(), null, default)), (ErrorKind.NotFound, o => o.Apply(new MemoryStream(junk), "none", null, default)),
            (ErrorKind.NotFound, o => o.Measure(["none"], null, default)), (ErrorKind.NotFound, o => o.Tag("none", "localhost/x")), (ErrorKind.NotFound, o => o.History("none", null)),
            (ErrorKind.InvalidArgument, o => o.Create(new CreateRequest { Name = "a b" }, null, default)), (ErrorKind.InvalidArgument, o => o.Load(new MemoryStream(junk), "junk", new LoadOptions(), default)),
        })
        {
            var direct = Assert.ThrowsAny<StrataException>(() => ask(here));
            var remote = Assert.ThrowsAny<StrataException>(() => ask(there));
            Assert.Equal((kind, kind), (direct.Kind, remote.Kind));
            Assert.Equal(direct.Message, remote.Message);
        }
        // in the middle of what is sent: the sender reads why
        Assert.True(Assert.ThrowsAny<StrataException>(() => there.Apply(new MemoryStream(junk), null, null, default)).Kind is ErrorKind.InvalidArgument or ErrorKind.Corrupt);
        Assert.Empty(rig.Store.ListLayers());
    }

    [Fact]
    public async Task Who_gives_a_call_up_leaves_nothing_behind()
    {
        await using var rig = await ApiRig.StartAsync("vfs");
        using var there = new RemoteOperations(rig.Socket);
        using var enough = new CancellationTokenSource();
        var endless = new EndlessTar(() => enough.CancelAfter(300));
        Assert.ThrowsAny<OperationCanceledException>(() => there.Apply(endless, null, null, enough.Token));
        for (int i = 0; i < 200 && rig.Store.Driver.List().Any(); i++)
            await Task.Delay(50);
        Assert.Empty(rig.Store.Driver.List());
        Assert.Empty(rig.Store.ListLayers());
        Assert.Empty(Directory.EnumerateFileSystemEntries(rig.Scratch["store/tmp"]));
    }

    [Fact]
    public void Nobody_there_is_told_with_what_to_do()
    {
        using var scratch = new ScratchDirectory();
        using var there = new RemoteOperations(scratch["none.sock"]);
        var error = Assert.ThrowsAny<StrataException>(() => there.ListImages());
        Assert.Equal(ErrorKind.Unavailable, error.Kind);
        Assert.Contains("stratad serve --api-socket", error.Message, StringComparison.Ordinal);
    }

    private static byte[] Bytes(Action<Stream> write)
    {
        using var stream = new MemoryStream();
        write(stream);
        return stream.ToArray();
    }

    private sealed class Told : IProgress<ProgressReport>
    {
        internal ProgressReport Last { get; private set; }

        public void Report(ProgressReport value) => Last = value;
    }

    /// <summary>A tar with one file that never ends.</summary>
    private sealed class EndlessTar(Action begun) : Stream
    {
        private readonly byte[] _head = new TarBuilder().File("big", new string('x', 100)).ToArray()[..512];
        private long _at;

        public override bool CanRead => true;

        public override bool CanSeek => false;

        public override bool CanWrite => false;

        public override long Length => throw new NotSupportedException();

        public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }

        public override int Read(byte[] buffer, int offset, int count)
        {
            if (_at++ == 0)
            {
                begun();
                // ustar: a size of 7 GB, and the checksum anew
                Encoding.ASCII.GetBytes("77777777777").CopyTo(_head, 124);
                _head.AsSpan(148, 8).Fill((byte)' ');
                Encoding.ASCII.GetBytes($"{Convert.ToString(_head.Sum(b => b), 8).PadLeft(6, '0')}\0 ").CopyTo(_head, 148);
                _head.CopyTo(buffer, offset);
                return _head.Length;
            }
            Thread.Sleep(10);
            buffer.AsSpan(offset, count).Fill((byte)'x');
            return count;
        }

        public override void Flush()
        {
        }

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();

        public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();
    }
}
