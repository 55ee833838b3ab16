using Strata.Drivers.Vfs;
using Strata.Testing;

namespace Strata.Drivers.Tests;

/// <summary>How drivers are registered, found and chosen, and how their options are read.</summary>
public sealed class RegistryTests : IDisposable
{
    private readonly ScratchDirectory _root = new();
    private readonly List<string> _asked = [];

    public void Dispose() => _root.Dispose();

    [Fact]
    public void Name_is_registered_once()
    {
        var registry = new DriverRegistry();
        registry.Register("one", Vfs, "first");
        Kind(ErrorKind.AlreadyExists, () => registry.Register("one", Vfs));
        Kind(ErrorKind.AlreadyExists, () => registry.Register("first", Vfs));
        Kind(ErrorKind.AlreadyExists, () => registry.Register("two", Vfs, "first"));
        Assert.Equal(["one"], registry.Names);
        Assert.False(registry.IsRegistered("two"));
    }

    [Fact]
    public void Driver_is_got_by_name_and_by_alias()
    {
        var registry = DriverRegistry.CreateDefault();
        Assert.Equal(["erofs", "overlay", "btrfs", "zfs", "aufs", "fuse-overlayfs", "vfs"], registry.Names);
        Assert.Equal("overlay", registry.Resolve("overlay2"));
        Assert.Equal("overlay", registry.Get("overlay2", _root.Path).Name);
        Assert.Equal("vfs", registry.Get("vfs", _root.Path).Name);
        Assert.True(Directory.Exists(_root["overlay"]));
        Assert.False(Directory.Exists(_root["overlay2"]));
    }

    [Fact]
    public void Unknown_and_removed_drivers_are_not_supported()
    {
        var registry = DriverRegistry.CreateDefault();
        foreach (string name in new[] { "reiser", "devicemapper", "", "../vfs" })
        {
            var e = Assert.Throws<DriverUnusableException>(() => registry.Get(name, _root.Path));
            Assert.Equal(DriverUnusableReason.NotSupported, e.Reason);
            Assert.StartsWith("driver not supported", e.Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void The_first_driver_that_can_serve_is_taken()
    {
        var registry = new DriverRegistry();
        registry.Register("a", (_, _) => throw DriverUnusableException.NotSupported("a", "none"));
        registry.Register("b", (_, _) => throw DriverUnusableException.Prerequisites("b", "none"));
        registry.Register("c", (_, _) => throw DriverUnusableException.IncompatibleFileSystem("c", "none"));
        registry.Register("d", Vfs);
        registry.Register("e", (_, _) => throw new InvalidOperationException("never asked"));
        registry.New(_root.Path, options: null);
        Assert.Equal([_root["d"]], _asked);
    }

    [Fact]
    public void Another_error_ends_the_search()
    {
        var registry = new DriverRegistry();
        registry.Register("a", (_, _) => throw StrataException.Corrupt("broken"));
        registry.Register("b", Vfs);
        Kind(ErrorKind.Corrupt, () => registry.New(_root.Path));
    }

    [Fact]
    public void No_driver_tells_every_reason()
    {
        var registry = new DriverRegistry();
        registry.Register("a", (_, _) => throw DriverUnusableException.NotSupported("a", "no kernel"));
        registry.Register("b", (_, _) => throw DriverUnusableException.Prerequisites("b", "no root"));
        var e = Kind(ErrorKind.NotSupported, () => registry.New(_root.Path));
        Assert.Contains("No supported storage backend found", e.Message, StringComparison.Ordinal);
        Assert.Contains("no kernel", e.Message, StringComparison.Ordinal);
        Assert.Contains("no root", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Prior_use_decides_and_its_error_is_final()
    {
        var registry = new DriverRegistry();
        registry.Register("a", Vfs);
        registry.Register("b", (_, _) => throw DriverUnusableException.Prerequisites("b", "gone"));
        _root.Make("b/layer");
        var e = Assert.Throws<DriverUnusableException>(() => registry.New(_root.Path));
        Assert.Equal("b", e.Driver);
        // An empty directory is no use; vfs counts only alone.
        Directory.Delete(_root["b/layer"]);
        Assert.Equal("vfs", registry.New(_root.Path).Name);
    }

    [Fact]
    public void Several_prior_drivers_are_an_error_unless_one_is_named()
    {
        var registry = new DriverRegistry();
        registry.Register("a", Vfs);
        registry.Register("b", Vfs);
        registry.Register("vfs", Vfs);
        _root.Make("a/x");
        _root.Make("vfs/dir/x");
        registry.New(_root.Path);
        Assert.Equal(_root["a"], _asked[^1]);
        _root.Make("b/x");
        Assert.Contains("contains several valid graphdrivers: a, b", Kind(ErrorKind.FailedPrecondition, () => registry.New(_root.Path)).Message, StringComparison.Ordinal);
        registry.New(_root.Path, "b");
        Assert.Equal(_root["b"], _asked[^1]);
    }

    [Fact]
    public void Vfs_alone_is_prior_use()
    {
        var registry = DriverRegistry.CreateDefault();
        registry.Get("vfs", _root.Path);
        Assert.Equal("vfs", registry.New(_root.Path).Name);
    }

    [Fact]
    public void Environment_names_the_driver()
    {
        var registry = DriverRegistry.CreateDefault();
        string? before = Environment.GetEnvironmentVariable(DriverRegistry.EnvironmentVariable);
        try
        {
            Environment.SetEnvironmentVariable(DriverRegistry.EnvironmentVariable, "vfs");
            Assert.Equal("vfs", registry.New(_root.Path).Name);
            Assert.Equal("overlay", registry.New(_root.Path, "overlay").Name);
            Environment.SetEnvironmentVariable(DriverRegistry.EnvironmentVariable, "reiser");
            Assert.Throws<DriverUnusableException>(() => registry.New(_root.Path));
        }
        finally
        {
            Environment.SetEnvironmentVariable(DriverRegistry.EnvironmentVariable, before);
        }
    }

    [Fact]
    public void What_would_be_chosen_is_told_with_every_reason()
    {
        var registry = new DriverRegistry();
        registry.Register("a", (_, _) => throw DriverUnusableException.NotSupported("a", "this kernel has none. Load its module (modprobe a)."));
        registry.Register("b", Vfs, "bee");
        registry.Register("vfs", Vfs);
        string root = _root["not/yet/there"];
        var probes = registry.Probe(root);
        Assert.Equal(["a", "b", "vfs"], probes.Select(p => p.Name));
        Assert.Contains("modprobe a", probes[0].Reason, StringComparison.Ordinal);
        Assert.True(probes[1].CanServe);
        Assert.Empty(Directory.EnumerateFileSystemEntries(_root.Path));
        Assert.Equal(new DriverChoice("b", "the first that can serve"), registry.Predict(root, null, probes));
        Assert.Equal("b", registry.Predict(root, "bee", probes).Name);
        Assert.Null(registry.Predict(root, "a", probes).Name);
        Assert.Contains("there is no driver 'zzz'", registry.Predict(root, "zzz", probes).Why, StringComparison.Ordinal);
        _root.Make("vfs/dir/x");
        Assert.Equal("vfs", registry.Predict(_root.Path, null, probes).Name);
        _root.Make("b/x");
        Assert.Equal(new DriverChoice("b", "the root was used with it"), registry.Predict(_root.Path, null, probes));
        _root.Make("a/x");
        Assert.Null(registry.Predict(_root.Path, null, probes).Name);
        Assert.Equal("vfs", registry.Predict(_root.Path, "vfs", probes).Name);
    }

    [Fact]
    public void Options_are_read()
    {
        var options = DriverOptions.Parse(["overlay.volatile = true", "vfs.x=1=2"]);
        Assert.Equal("true", options.For(["overlay", "overlay2"], "volatile")["VOLATILE"]);
        Assert.Equal("1=2", options.For(["vfs"], "x")["x"]);
        Assert.Empty(options.For(["btrfs"]));
        Assert.Contains("overlay.volatile", Kind(ErrorKind.InvalidArgument, () => options.For(["overlay"], "size")).Message, StringComparison.Ordinal);
        Kind(ErrorKind.InvalidArgument, () => DriverOptions.Parse(["novalue"]));
        Kind(ErrorKind.InvalidArgument, () => DriverOptions.Parse(["=x"]));
        Kind(ErrorKind.InvalidArgument, () => DriverOptions.Parse(["a.b=1", "A.B=2"]));
        Kind(ErrorKind.InvalidArgument, () => DriverOptions.Parse(["nodot=1"]).For(["vfs"]));
        Kind(ErrorKind.InvalidArgument, () => DriverRegistry.CreateDefault().Get("vfs", _root.Path, DriverOptions.Parse(["vfs.size=1"])));
        Kind(ErrorKind.InvalidArgument, () => DriverRegistry.CreateDefault().Get("overlay", _root.Path, DriverOptions.Parse(["overlay.volatile=maybe"])));
    }

    [Theory]
    [InlineData("")]
    [InlineData("..")]
    [InlineData("../../x")]
    [InlineData("a/b")]
    [InlineData("/etc")]
    [InlineData(".hidden")]
    [InlineData("-x")]
    [InlineData("a\0b")]
    [InlineData("ä")]
    [InlineData("a b")]
    public void Ids_that_are_paths_are_refused(string text)
    {
        Kind(ErrorKind.InvalidArgument, () => LayerId.Parse(text));
        Assert.False(LayerId.TryParse(new string('a', 129), out _));
    }

    private NaiveDiffDriver Vfs(string home, DriverOptions options)
    {
        _asked.Add(home);
        return new NaiveDiffDriver(new VfsDriver(home, options));
    }

    private static StrataException Kind(ErrorKind kind, Action call)
    {
        var e = Assert.ThrowsAny<StrataException>(call);
        Assert.True(kind == e.Kind, $"expected {kind}, was {e.Kind}: {e.Message}");
        return e;
    }
}
