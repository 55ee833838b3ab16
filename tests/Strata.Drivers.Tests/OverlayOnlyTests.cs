using Strata.Drivers.Overlay;
using Strata.Linux;
using Strata.Testing;
using Strata.Trees;

namespace Strata.Drivers.Tests;

/// <summary>What only overlay has: redirects, metadata-only files, its layout, its options.</summary>
public sealed class OverlayOnlyTests(FileSystems fileSystems)
{
    [Fact]
    public void Label_is_quoted_and_nothing_else_can_hide_in_it()
    {
        using var rig = new Rig("overlay", fileSystems.Of("tmpfs"));
        var below = rig.Make("below", null, s => s.File("f"));
        rig.Driver.Create(Rig.Id("upper"), below);
        const string label = "system_u:object_r:container_file_t:s0:c1,c2";
        foreach (bool readOnly in new[] { false, true })
        {
            var mount = Assert.Single(rig.Driver.GetMounts(Rig.Id("upper"), new MountRequest(readOnly, label)));
            Assert.Equal($"context=\"{label}\"", mount.Options[^1]);
        }
        foreach (string wrong in new[] { "a\",userxattr,x=\"b", "a b", "a\nb", "a\\", "\u00e4" })
        {
            var e = Assert.ThrowsAny<StrataException>(() => rig.Driver.GetMounts(Rig.Id("upper"), new MountRequest(false, wrong)));
            Assert.Equal(ErrorKind.InvalidArgument, e.Kind);
        }
    }

    [Theory]
    [InlineData("overlay")]
    [InlineData("erofs")]
    public void Mapped_directories_are_attached_where_the_kernel_wants_it(string driver)
    {
        using var rig = new Rig(driver, fileSystems.Of("ext4"));
        var below = rig.Apply("below", null, new TarBuilder().Dir("./", 0x1ED).File("f", "f", uid: 5));
        var above = rig.Apply("above", below, new TarBuilder().File("g", "g", uid: 6));
        var mapping = IdMapping.Create([new IdRange(0, 100000, 100)], [new IdRange(0, 100000, 100)]);
        rig.Driver.CreateReadWrite(Rig.Id("box"), above, new CreateOptions { IdMapping = mapping });
        MountContext.UseAttachedOnly(true);
        try
        {
            Assert.Equal("100005 100006", rig.Use(Rig.Id("box"), root => Commands.Run("stat", "-c", "%u", root + "/f", root + "/g").Trim().ReplaceLineEndings(" ")));
        }
        finally
        {
            MountContext.UseAttachedOnly(false);
        }
        Assert.Empty(Directory.GetDirectories(Path.GetTempPath(), "strata-lower-*"));
    }

    [Theory]
    [InlineData("ext4")]
    [InlineData("xfs")]
    [InlineData("btrfs")]
    [InlineData("tmpfs")]
    public void Redirects_and_metadata_only_files_of_other_mounts_are_understood(string fileSystem)
    {
        using var rig = new Rig("overlay", fileSystems.Of(fileSystem));
        var below = rig.Make("below", null, s => s
            .Dir("dir").File("dir/f", "in dir").Dir("dir/sub").File("dir/sub/g", "deep").File("meta", "content of meta").File("dir/meta", "more").Dir("stay").File("stay/x", "x"));
        rig.Driver.Create(Rig.Id("upper"), below);
        var data = rig.Driver.GetMetadata(Rig.Id("upper"));
        string point = Path.Combine(rig.Outside, "by-hand");
        Directory.CreateDirectory(point);
        string dump;
        Commands.Run(
            "mount", "-t", "overlay", "overlay", "-o",
            $"redirect_dir=on,metacopy=on,index=off,lowerdir={data["LowerDir"]},upperdir={data["UpperDir"]},workdir={data["WorkDir"]}", point);
        try
        {
            var scene = new Scene(point);
            scene.Rename("dir", "moved").Mode("meta", 0x180).Mode("moved/meta", 0x9ED).File("moved/new", "n").Remove("moved/sub/g");
            scene.Dir("dir").File("dir/other", "o");
            scene.Seal();
            dump = TreeDump.Of(point, true, "trusted.overlay.", "security.selinux");
            Assert.Equal(0, AttributeCalls.FindStatus(Path.Combine(data["UpperDir"], "meta"))!.Value.Blocks & ~8);
        }
        finally
        {
            Commands.Unmount(point);
        }
        string before = rig.Dump(below);
        Assert.Equal(ExpectedChanges.Between(before, dump), rig.Changes(Rig.Id("upper"), below));
        rig.Driver.Create(Rig.Id("again"), below);
        rig.Driver.ApplyDiff(Rig.Id("again"), below, new MemoryStream(rig.Diff(Rig.Id("upper"), below)));
        Assert.Equal(dump, rig.Dump(Rig.Id("again")));
        // And as a whole image.
        rig.Driver.Create(Rig.Id("flat"), null);
        rig.Driver.ApplyDiff(Rig.Id("flat"), null, new MemoryStream(rig.Diff(Rig.Id("upper"), null)));
        Assert.Equal(dump, rig.Dump(Rig.Id("flat")));
        // What the naive differ sees, with the options that let it mount such a layer.
        var naive = new NaiveDiffDriver(new OverlayDriver(rig.Home, DriverOptions.Parse(["overlay.mountopt=redirect_dir=on,metacopy=on"])));
        Assert.Equal(rig.Changes(Rig.Id("upper"), below), naive.Changes(Rig.Id("upper"), below).Select(c => c.ToString()));
        using var tar = new MemoryStream();
        naive.Diff(Rig.Id("upper"), below, tar);
        Assert.True(tar.ToArray().AsSpan().SequenceEqual(rig.Diff(Rig.Id("upper"), below)));
    }

    [Fact]
    public void Layout_is_that_of_overlay2()
    {
        using var rig = new Rig("overlay", fileSystems.Of("ext4"));
        var below = rig.Make("below", null, s => s.File("f"));
        var mid = rig.Make("mid", below, s => s.File("g"));
        rig.Driver.Create(Rig.Id("top"), mid);
        string link = File.ReadAllText(Path.Combine(rig.Home, "below", "link"));
        Assert.Equal(26, link.Length);
        Assert.Equal("../below/diff", new FileInfo(Path.Combine(rig.Home, "l", link)).LinkTarget);
        Assert.False(File.Exists(Path.Combine(rig.Home, "below", "lower")));
        string midLink = File.ReadAllText(Path.Combine(rig.Home, "mid", "link"));
        Assert.Equal($"l/{midLink}:l/{link}", File.ReadAllText(Path.Combine(rig.Home, "top", "lower")));
        Assert.True(Directory.Exists(Path.Combine(rig.Home, "top", "work")));
        Assert.True(File.Exists(Path.Combine(rig.Home, "below", "diff", "f")));
        Assert.Equal((UnixFileMode)0x1C8, File.GetUnixFileMode(rig.Home));
    }

    [Fact]
    public void Colons_commas_and_backslashes_in_the_home()
    {
        var fileSystem = fileSystems.Of("ext4");
        string home = Path.Combine(fileSystem.NewDirectory(), "a:b,c\\d e");
        var driver = new OverlayDriver(home, DriverOptions.None);
        driver.Create(Rig.Id("below"), null);
        File.WriteAllText(Path.Combine(driver.Get(Rig.Id("below")), "f"), "x");
        driver.Create(Rig.Id("mid"), Rig.Id("below"));
        driver.Create(Rig.Id("top"), Rig.Id("mid"));
        string root = driver.Get(Rig.Id("top"));
        Assert.Equal("x", File.ReadAllText(Path.Combine(root, "f")));
        File.WriteAllText(Path.Combine(root, "g"), "y");
        Assert.Equal(["A /g"], driver.Changes(Rig.Id("top"), Rig.Id("mid")).Select(c => c.ToString()));
        driver.Put(Rig.Id("top"));
        Assert.Empty(Mounts.AtOrBelow(Path.GetDirectoryName(home)!));
        TreeRemover.Remove(Path.GetDirectoryName(home)!);
    }

    [Fact]
    public void Volatile_layer_is_mounted_again()
    {
        using var rig = new Rig("overlay", fileSystems.Of("ext4"), "overlay.volatile=true");
        var below = rig.Make("below", null, s => s.File("f"));
        rig.Driver.CreateReadWrite(Rig.Id("top"), below);
        for (int i = 0; i < 3; i++)
            rig.Change(Rig.Id("top"), s => s.File($"g{i}"));
        Assert.Equal(["A /g0", "A /g1", "A /g2"], rig.Changes(Rig.Id("top"), below));
        Assert.Contains(rig.Driver.GetMounts(Rig.Id("top"), new MountRequest())[0].Options, o => o == "volatile");
        // Without the option, after a crash left the mark.
        Directory.CreateDirectory(Path.Combine(rig.Home, "top", "work", "work", "incompat", "volatile"));
        var plain = rig.Open();
        plain.Get(Rig.Id("top"));
        plain.Put(Rig.Id("top"));
    }
}
