using Strata.Store;
using Strata.Testing;

namespace Strata.Oci.Tests;

/// <summary>A store to load into, and images to load.</summary>
internal sealed class OciRig : IDisposable
{
    internal OciRig(string driver = "overlay")
    {
        try
        {
            Store = Strata.Store.Store.Open(new StoreOptions { Root = Scratch["store"], Driver = driver });
        }
        catch
        {
            Scratch.Dispose();
            throw;
        }
    }

    internal ScratchDirectory Scratch { get; } = new();

    internal Strata.Store.Store Store { get; }

    internal static TestImage Image(string compression = "none") => new TestImage()
        .Layer(new TarBuilder().Dir("./").Dir("etc").File("etc/a", "one").File("etc/b", "two").Symlink("link", "etc/a"), compression)
        .Layer(new TarBuilder().Dir("./").Dir("etc").Whiteout("etc/b").File("etc/c", "three", mode: 0x9ED), compression);

    internal ImageRecord[] Load(string path, LoadOptions? options = null) => [.. new ImageLoader(Store, options).Load(path, TestContext.Current.CancellationToken)];

    internal ImageRecord[] Load(ImageFiles files, LoadOptions? options = null) => Load(files.WriteTar(Scratch["image.tar"]), options);

    /// <summary>Both as a folder and as a tar it is refused, and leaves nothing.</summary>
    internal StrataException Refuses(ImageFiles files, ErrorKind kind, LoadOptions? options = null)
    {
        var e = Assert.ThrowsAny<StrataException>(() => Load(files, options));
        Assert.True(kind == e.Kind, $"{e.Kind}: {e.Message}");
        string folder = Scratch["folder-" + Guid.NewGuid().ToString("N")[..6]];
        var again = Assert.ThrowsAny<StrataException>(() => Load(files.WriteFolder(folder), options));
        Assert.True(kind == again.Kind, $"{again.Kind}: {again.Message}");
        AssertEmpty();
        return e;
    }

    internal void AssertEmpty()
    {
        Assert.Empty(Store.ListImages());
        Assert.Empty(Store.ListLayers());
        Assert.Empty(Store.Driver.List());
        Assert.Empty(Directory.EnumerateFileSystemEntries(Path.Combine(Store.Root, "tmp")));
        Assert.Empty(Directory.EnumerateFileSystemEntries(Path.Combine(Store.Root, "leases")));
        Assert.Empty(Directory.EnumerateFileSystemEntries(Path.Combine(Store.Root, "recipes")));
    }

    internal byte[] Save(ImageRecord image)
    {
        using var tar = new MemoryStream();
        ImageSaver.Save(Store, image, tar);
        return tar.ToArray();
    }

    internal string Dump(ImageRecord image)
    {
        string name = "dump" + Guid.NewGuid().ToString("N")[..6];
        Store.CreateWritable(name, image.TopLayer);
        try
        {
            return TreeDump.Of(Store.Mount(name), true, "trusted.overlay.");
        }
        finally
        {
            Store.Unmount(name);
            Store.RemoveWritable(name);
        }
    }

    public void Dispose()
    {
        using var closing = new Closing();
        closing.Do(Store.Dispose);
        closing.Do(() => Assert.Empty(Mounts.AtOrBelow(Scratch.Path)));
        closing.Do(Scratch.Dispose);
    }
}
