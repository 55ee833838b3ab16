using System.Security.Cryptography;
using System.Text;
using Strata.Testing;

namespace Strata.Drivers.Tests;

/// <summary>
/// overlay by a user without privileges, who is root in a user namespace of his own (<c>unshare -Urm</c>): the marks are in <c>user.overlay.</c>.
/// </summary>
[Collection("mount namespaces")] // a new one has a copy of each mount, and a FUSE daemon waits for the last to go
public sealed class UserNamespaceTests(FileSystems fileSystems)
{
    [Theory]
    [InlineData("ext4")]
    [InlineData("xfs")]
    [InlineData("btrfs")]
    [InlineData("tmpfs")]
    public void Overlay_does_what_it_does_for_root(string fileSystem)
    {
        string around = fileSystems.Of(fileSystem).NewDirectory();
        Commands.Run("chown", "65534:65534", around);
        using (var process = Child.StartUnder(
            ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups", "unshare", "-Urm", "env", "HOME=" + around],
            "user-namespace", "overlay", Path.Combine(around, "home"), "base", Path.Combine(around, "result")))
            Child.End(process);
        using var rig = new Rig("overlay", fileSystems.Of(fileSystem));
        Assert.Equal(Act(rig.Driver), File.ReadAllText(Path.Combine(around, "result")));
        // Its marks are those of a user namespace, and the files are its user's.
        string over = Path.Combine(around, "home", "over", "diff");
        Assert.Contains("/d d 0755 65534:65534 ", TreeDump.Of(over), StringComparison.Ordinal);
        Assert.Contains("user.overlay.opaque=0x79", TreeDump.Of(over), StringComparison.Ordinal);
        string[] refusals = File.ReadAllLines(Path.Combine(around, "result.limits"));
        Assert.All(refusals, refusal => Assert.StartsWith("NotSupported: ", refusal, StringComparison.Ordinal));
        Assert.DoesNotContain("backing=loop", refusals[0], StringComparison.Ordinal); // it would be refused, too
        Assert.Contains("inside a user namespace", refusals[1], StringComparison.Ordinal);
        Assert.DoesNotContain("trusted.", TreeDump.Of(Path.Combine(around, "home")), StringComparison.Ordinal);
        Trees.TreeRemover.Remove(around);
    }

    [Fact]
    public void Fuse_overlayfs_does_it_too()
    {
        string around = fileSystems.Of("ext4").NewDirectory();
        Commands.Run("chown", "65534:65534", around);
        // Distributions let everybody open the device; here one that all may open is put over it, in a namespace of the test's own.
        string device = Path.Combine(fileSystems.Of("ext4").NewDirectory(), "fuse");
        Commands.Run("mknod", "-m", "666", device, "c", "10", "229");
        using (var process = Child.StartUnder(
            ["unshare", "--mount", "sh", "-c", $"mount --bind '{device}' /dev/fuse && exec \"$@\"", "sh",
             "setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups", "unshare", "-Urm", "env", "HOME=" + around],
            "user-namespace", "fuse-overlayfs", Path.Combine(around, "home"), "base", Path.Combine(around, "result")))
            Child.End(process);
        // Not all is equal: of the names of a hard-linked file it is chance which one a change is made to, and setuid bits are lost where it is copied up.
        using var rig = new Rig("overlay", fileSystems.Of("ext4"));
        string[] actual = ChangesIn(File.ReadAllText(Path.Combine(around, "result")));
        string linked = Assert.Single(actual, change => change is "C /attributed" or "C /linked");
        Assert.Equal(ChangesIn(Act(rig.Driver)).Select(change => change == "C /attributed" ? linked : change).Order(StringComparer.Ordinal), actual.Order(StringComparer.Ordinal));
        string over = Path.Combine(around, "home", "over", "diff");
        Assert.Contains("user.fuseoverlayfs.opaque=0x79", TreeDump.Of(over), StringComparison.Ordinal);
        Trees.TreeRemover.Remove(around);
    }

    private static string[] ChangesIn(string seen) => [.. seen.Split('\n').Where(line => line.Length > 2 && line[0] is 'A' or 'C' or 'D' && line[1..].StartsWith(" /", StringComparison.Ordinal))];

    /// <summary>Layers are applied, stacked, mounted, written to, compared and removed; what is seen of it all.</summary>
    internal static string Act(IDriver driver)
    {
        var (lower, over, box, again) = (Rig.Id("base"), Rig.Id("over"), Rig.Id("box"), Rig.Id("again"));
        var seen = new StringBuilder();
        driver.Create(lower, null);
        driver.ApplyDiff(lower, null, new TarBuilder()
            .Dir("./", 0x1ED).Dir("d").File("d/one", "1").File("d/two", "2").Dir("e").File("e/x", "x").Dir("e/deep").File("e/deep/y", "y").File("f", "f", 0x9ED).File("gone", "g")
            .Xattr("user.kept", 1, 2).File("attributed", "a").Symlink("link", "f").Hardlink("hard", "f").Node("fifo", '6', mode: 0x1A4).ToStream());
        driver.Create(over, lower);
        driver.ApplyDiff(over, lower, new TarBuilder()
            .Whiteout("gone").Opaque("d").File("d/new", "n").Dir("f").File("f/in", "was a file").Hardlink("linked", "attributed").File("e/z", "z").ToStream());
        driver.CreateReadWrite(box, over);
        string root = driver.Get(box);
        var scene = new Scene(root);
        scene.File("d/new", "changed").File("added", "a").Remove("e").Dir("e").File("e/x", "another").Mode("attributed", 0x180).Rename("hard", "renamed").Symlink("s", "t");
        scene.Xattr("attributed", "user.more", 3).Remove("link").File("link", "now a file").Dir("moved-from").Rename("moved-from", "moved-to");
        scene.Seal();
        seen.AppendLine(Dump(root));
        driver.Put(box);
        Assert.Empty(Mounts.AtOrBelow(Path.GetDirectoryName(Path.GetDirectoryName(root))!));

        seen.AppendJoin('\n', driver.Changes(box, over)).AppendLine();
        seen.AppendLine(Diff(driver, box, over)).AppendLine(Diff(driver, box, null)).AppendLine(Diff(driver, over, lower)).Append(driver.DiffSize(box, over)).AppendLine();
        using (var tar = new MemoryStream())
        {
            driver.Diff(box, over, tar);
            tar.Position = 0;
            driver.Create(again, over);
            driver.ApplyDiff(again, over, tar);
        }
        root = driver.Get(again);
        seen.AppendLine(Dump(root));
        driver.Put(again);
        foreach (var id in (LayerId[])[again, box])
            driver.Remove(id);
        driver.Cleanup();
        return seen.AppendJoin(' ', driver.List().Select(id => id.ToString()).Order(StringComparer.Ordinal)).ToString();
    }

    /// <summary>Asks for limits that nobody has in a user namespace; what is said of it, a line each.</summary>
    internal static IEnumerable<string> TryLimits(IDriver driver)
    {
        foreach (string backing in (string[])["project", "loop"])
        {
            var e = Assert.ThrowsAny<StrataException>(() => driver.CreateReadWrite(
                Rig.Id("limited"), null, new CreateOptions { StorageOptions = new Dictionary<string, string> { ["size"] = "64m", ["backing"] = backing } }));
            Assert.False(driver.Exists(Rig.Id("limited")));
            yield return $"{e.Kind}: {e.Message}";
        }
    }

    private static string Dump(string root) => TreeDump.Of(root, true, "trusted.overlay.", "user.overlay.", "security.selinux");

    private static string Diff(IDriver driver, LayerId id, LayerId? parent)
    {
        using var tar = new MemoryStream();
        driver.Diff(id, parent, tar);
        return Convert.ToHexStringLower(SHA256.HashData(tar.ToArray()));
    }
}
