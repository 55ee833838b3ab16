using Strata.Testing;

namespace Strata.Drivers.Tests;

/// <summary>vfs for who is not root: owners, modes and devices are kept in attributes, and come back in a difference.</summary>
public sealed class NotRootTests(FileSystems fileSystems)
{
    private const string Variable = "STRATA_TEST_CHILD";

    [Theory]
    [InlineData("ext4")]
    [InlineData("xfs")]
    [InlineData("btrfs")]
    [InlineData("tmpfs")]
    public void Vfs_keeps_owners_in_attributes_and_gives_them_back(string fileSystem)
    {
        string home = fileSystems.Of(fileSystem).NewDirectory();
        Commands.Run("chown", "65534:65534", home);
        var tar = new TarBuilder().Dir("./", 0x1ED).Dir("d", 0x1C0, 10, 20).File("d/f", "content", 0x9ED, 1000, 1001).File("g", "", 0, 5, 6)
            .Node("c", '3', 1, 3, 0x1B6).Node("b", '4', 8, 1, 0x1B0).Node("p", '6', mode: 0x1A4).Symlink("s", "d").Hardlink("h", "d/f")
            .Xattr("user.x", 1, 2).File("x", "attr");
        File.WriteAllBytes(Path.Combine(home, "in.tar"), tar.ToArray());
        File.WriteAllBytes(Path.Combine(home, "over.tar"), new TarBuilder().Whiteout("g").File("d/new", "n", 0x180, 77, 78).File("x", "changed", 0x1A4, 9, 9).ToArray());
        string program = Environment.ProcessPath!;
        string[] run = Path.GetFileNameWithoutExtension(program) == "dotnet" ? [program, typeof(NotRootTests).Assembly.Location] : [program];
        var (code, output, error) = Commands.TryRun("setpriv", [
            "--reuid", "65534", "--regid", "65534", "--clear-groups", "env", "HOME=" + home, "DOTNET_BUNDLE_EXTRACT_BASE_DIR=" + home,
            $"{Variable}=not-root\nvfs\n{Path.Combine(home, "home")}\nbase", .. run]);
        Assert.True(code == 0, output + error);

        // Root applies the two differences: the real owners are there.
        using var rig = new Rig("vfs", fileSystems.Of(fileSystem));
        rig.Driver.Create(Rig.Id("base"), null);
        rig.Driver.ApplyDiff(Rig.Id("base"), null, new MemoryStream(File.ReadAllBytes(Path.Combine(home, "base.out"))));
        var expected = rig.Apply("expected", null, tar);
        Assert.Equal(rig.Dump(expected), rig.Dump(Rig.Id("base")));
        rig.Driver.Create(Rig.Id("over"), Rig.Id("base"));
        rig.Driver.ApplyDiff(Rig.Id("over"), Rig.Id("base"), new MemoryStream(File.ReadAllBytes(Path.Combine(home, "over.out"))));
        string over = rig.Dump(Rig.Id("over"));
        Assert.Contains("/d/new f 0600 77:78 ", over, StringComparison.Ordinal);
        Assert.Contains("/x f 0644 9:9 ", over, StringComparison.Ordinal);
        Assert.DoesNotContain("/g ", over, StringComparison.Ordinal);
        Assert.Equal("C /d\nA /d/new\nD /g\nC /x", File.ReadAllText(Path.Combine(home, "changes.out")));
        // On disk all belongs to the one who made it, and no device is one.
        string disk = TreeDump.Of(Path.Combine(home, "home", "dir", "over"));
        Assert.DoesNotContain(" 1000:1001", disk, StringComparison.Ordinal);
        Assert.Contains("/c f 06", disk, StringComparison.Ordinal);
        Assert.Contains("user.containers.override_stat", disk, StringComparison.Ordinal);
        Trees.TreeRemover.Remove(home);
    }
}
