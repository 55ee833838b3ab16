using System.Text;
using Strata.Testing;

namespace Strata.Drivers.Tests;

/// <summary>What is so with fuse-overlayfs only.</summary>
public sealed class FuseOverlayOnlyTests(FileSystems fileSystems)
{
    /// <summary>The guide warns of it; where a later program keeps them, the guide and this are to be mended.</summary>
    [Fact]
    public void Setuid_bits_are_lost_in_copying_up_and_can_be_set_again()
    {
        using var rig = new Rig("fuse-overlayfs", fileSystems.Of("ext4"));
        var below = rig.Apply("below", null, new TarBuilder().File("f", "x", 0x9ED, 31, 32).File("g", "x", 0x9ED, 31, 32));
        var box = rig.Make("box", below, s => s.Owner("f", 31, 33).Owner("g", 31, 33).Mode("g", 0x9ED));
        string seen = rig.Dump(box);
        Assert.Contains("/f f 0755 31:33 ", seen, StringComparison.Ordinal);
        Assert.Contains("/g f 04755 31:33 ", seen, StringComparison.Ordinal);
    }

    /// <summary>The program hides attributes named as its marks and has no escape for them: they are seen under other names, and come back under their own.</summary>
    [Fact]
    public void Attributes_named_as_marks_are_seen_under_other_names_and_are_right_in_diffs()
    {
        using var rig = new Rig("fuse-overlayfs", fileSystems.Of("ext4"));
        var below = rig.Apply("below", null, new TarBuilder().Dir("d").File("d/low", "x"));
        var over = rig.Apply("over", below, new TarBuilder()
            .Xattr("trusted.overlay.opaque", (byte)'y').Xattr("user.overlay.opaque", (byte)'y').Xattr("user.fuseoverlayfs.opaque", (byte)'y').Xattr("user.strata.x", 7).Dir("d"));
        string seen = rig.Use(over, root => TreeDump.Of(root));
        Assert.Contains(
            " trusted.strata.overlay.opaque=0x79 user.strata.fuseoverlayfs.opaque=0x79 user.strata.overlay.opaque=0x79 user.strata.strata.x=0x07\n/d/low ", seen, StringComparison.Ordinal);
        string diff = Encoding.Latin1.GetString(rig.Diff(over, below));
        foreach (string name in (string[])["trusted.overlay.opaque", "user.overlay.opaque", "user.fuseoverlayfs.opaque", "user.strata.x"])
            Assert.Contains($"SCHILY.xattr.{name}=", diff, StringComparison.Ordinal);
        Assert.DoesNotContain("strata.overlay", diff, StringComparison.Ordinal);
    }
}
