using System.Text;
using Microsoft.Data.Sqlite;
using Strata.Testing;

namespace Strata.Store.Tests;

/// <summary>Indexes: what they keep, and how they go.</summary>
public sealed class IndexTests
{
    [Fact]
    public void A_name_means_an_image_and_the_index_that_it_came_by()
    {
        using var rig = new StoreRig("vfs");
        var images = rig.Store.AddImages([Image("amd64", "a:1"), Image("arm64")], Index("index", "nested", "amd64", "arm64", "s390x"));
        Assert.Equal(["a:1"], images[0].Names);
        Assert.Empty(images[1].Names);
        Assert.Equal("linux/arm64", images[1].Platform);
        var index = rig.Store.FindIndex("a:1")!;
        Assert.Equal([index.Digest], images[1].Indexes);
        Assert.Equal(2, index.Documents.Count);
        Assert.Equal(3, index.Manifests.Count);
        Assert.Equal(["a:1"], index.Names);
        Assert.Equal("index", Encoding.UTF8.GetString(rig.Store.ReadBlob(index.Digest)));
        Assert.Equal(index.Digest, Assert.Single(rig.Store.ListIndexes()).Digest);
        Assert.Equal(images.Select(i => i.Indexes.Single()), rig.Store.ListImages().Select(i => i.Indexes.Single()));
        Assert.Null(rig.Store.FindIndex("b:1"));
    }

    [Fact]
    public void With_the_last_name_go_the_index_and_the_images_that_only_it_kept()
    {
        using var rig = new StoreRig("vfs");
        var layers = rig.Register(StoreRig.Tar(1));
        var images = rig.Store.AddImages([Image("amd64", "a:1"), Image("arm64") with { TopLayer = layers[0].ChainId }, Image("s390x", "other:1")], Index("index", "nested", "amd64", "arm64", "s390x"));
        rig.Store.AddName("b:1", images[0].Manifest, images[0].Indexes[0]);
        rig.Store.RemoveName("other:1");
        rig.Store.AddName("other:1", images[2].Manifest); // by itself, without the index
        rig.Store.RemoveName("a:1");
        Assert.Single(rig.Store.ListIndexes());
        Assert.Single(rig.Store.RemoveImage(images[0].Manifest)); // with b:1
        Assert.Empty(rig.Store.ListIndexes());
        Assert.Equal(["other:1"], Assert.Single(rig.Store.ListImages()).Names);
        Assert.Equal(2, Blobs(rig)); // s390x's manifest and config
        rig.Store.RemoveImage(images[2].Manifest);
        Assert.Equal(0, Blobs(rig));
    }

    [Fact]
    public void An_index_without_names_goes_with_its_last_image()
    {
        using var rig = new StoreRig("vfs");
        var images = rig.Store.AddImages([Image("amd64", "a:1"), Image("arm64")], Index("index", "nested", "amd64", "arm64"));
        rig.Store.RemoveName("a:1");
        rig.Store.RemoveImage(images[0].Manifest);
        Assert.Single(rig.Store.ListIndexes());
        rig.Store.RemoveImage(images[1].Manifest);
        Assert.Empty(rig.Store.ListIndexes());
        Assert.Equal(0, Blobs(rig));
    }

    [Fact]
    public void Images_of_an_index_that_can_not_all_be_added_are_not_added_at_all()
    {
        using var rig = new StoreRig("vfs");
        var gone = rig.Register(StoreRig.Tar(1))[0];
        rig.Store.RemoveLayer(gone.ChainId);
        var e = Assert.ThrowsAny<StrataException>(() =>
            rig.Store.AddImages([Image("amd64", "a:1"), Image("arm64") with { TopLayer = gone.ChainId }], Index("index", "nested", "amd64", "arm64")));
        Assert.Equal(ErrorKind.Unavailable, e.Kind);
        Assert.Empty(rig.Store.ListImages());
        Assert.Empty(rig.Store.ListIndexes());
    }

    [Fact]
    public void A_name_is_given_only_to_what_is_there()
    {
        using var rig = new StoreRig("vfs");
        var image = rig.Store.AddImages([Image("amd64", "a:1")])[0];
        Assert.Equal(ErrorKind.NotFound, Assert.ThrowsAny<StrataException>(() => rig.Store.AddName("b:1", DigestOf("none"))).Kind);
        Assert.Equal(ErrorKind.NotFound, Assert.ThrowsAny<StrataException>(() => rig.Store.AddName("b:1", image.Manifest, DigestOf("none"))).Kind);
        rig.Store.AddName("b:1", image.Manifest);
        Assert.Equal(["a:1", "b:1"], rig.Store.FindImage(image.Manifest)!.Names);
    }

    [Fact]
    public void A_store_of_the_first_version_keeps_its_images_and_names()
    {
        using var scratch = new ScratchDirectory();
        string root = scratch.Make("store");
        Directory.CreateDirectory(Path.Combine(root, "blobs/sha256"));
        using (var connection = new SqliteConnection($"Data Source={Path.Combine(root, "strata.db")};Pooling=false"))
        {
            connection.Open();
            using var command = connection.CreateCommand();
            command.CommandText = $"""
                CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
                CREATE TABLE layers (
                    chain TEXT PRIMARY KEY, diff TEXT NOT NULL, parent TEXT REFERENCES layers (chain), driver_id TEXT NOT NULL UNIQUE,
                    tar_bytes INTEGER NOT NULL, content_bytes INTEGER NOT NULL, blob TEXT NOT NULL, blob_bytes INTEGER NOT NULL, created INTEGER NOT NULL) WITHOUT ROWID;
                CREATE TABLE images (
                    manifest TEXT PRIMARY KEY, config TEXT NOT NULL, top TEXT REFERENCES layers (chain), size_bytes INTEGER NOT NULL, created INTEGER NOT NULL) WITHOUT ROWID;
                CREATE TABLE names (name TEXT PRIMARY KEY, manifest TEXT NOT NULL REFERENCES images (manifest)) WITHOUT ROWID;
                CREATE TABLE writable (
                    name TEXT PRIMARY KEY, driver_id TEXT NOT NULL UNIQUE, parent TEXT REFERENCES layers (chain), image TEXT, mount_target TEXT, created INTEGER NOT NULL) WITHOUT ROWID;
                INSERT INTO meta VALUES ('schema', '1'), ('driver', 'vfs');
                INSERT INTO images VALUES ('{DigestOf("m")}', '{DigestOf("c")}', NULL, 0, 5);
                INSERT INTO names VALUES ('old:1', '{DigestOf("m")}');
                """;
            command.ExecuteNonQuery();
        }
        using var store = Store.Open(new StoreOptions { Root = root });
        var image = store.FindImage("old:1")!;
        Assert.Equal(DigestOf("c"), image.Config);
        Assert.Null(image.Platform);
        Assert.Empty(image.Indexes);
        store.AddName("new:1", image.Manifest);
        Assert.Equal(["new:1", "old:1"], Assert.Single(store.ListImages()).Names);
    }

    private static ImageInput Image(string architecture, params string[] names) => new()
    {
        Manifest = Encoding.UTF8.GetBytes(architecture), Config = Encoding.UTF8.GetBytes("config " + architecture), Names = names, Platform = "linux/" + architecture,
    };

    private static IndexInput Index(string document, string nested, params string[] architectures) => new()
    {
        Documents = [Encoding.UTF8.GetBytes(document), Encoding.UTF8.GetBytes(nested)], Manifests = [.. architectures.Select(DigestOf)],
    };

    private static Digest DigestOf(string text) => Digest.Parse("sha256:" + TestImage.HexOf(Encoding.UTF8.GetBytes(text)));

    private static int Blobs(StoreRig rig) => Directory.GetFiles(Path.Combine(rig.Root, "blobs/sha256")).Length;
}
