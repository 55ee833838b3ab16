using Strata.Testing;

namespace Strata.Drivers.Tests;

/// <content>File systems that a driver can't serve on: which, why, and what would mend it; nothing is made there.</content>
public sealed partial class BadInputTests
{
    public static TheoryData<string, string, string> WrongPlaces => new()
    {
        { "btrfs", "ext4", "Put the root on a btrfs" }, { "btrfs", "xfs", "Put the root on a btrfs" }, { "btrfs", "tmpfs", "Put the root on a btrfs" }, { "btrfs", "overlay", "Put the root on a btrfs" },
        { "overlay", "overlay", "Put the root on ext4, xfs, btrfs or tmpfs" }, { "overlay", "fuse", "Put the root on ext4, xfs, btrfs or tmpfs" },
        { "erofs", "overlay", "Put the root on ext4, xfs, btrfs or tmpfs" }, { "erofs", "fuse", "Put the root on ext4, xfs, btrfs or tmpfs" },
        { "fuse-overlayfs", "overlay", "" }, { "fuse-overlayfs", "fuse", "Put the root on ext4, xfs, btrfs or tmpfs" },
        { "zfs", "ext4", "zfs.fsname" }, { "aufs", "ext4", "Use the overlay driver" },
    };

    [Theory]
    [MemberData(nameof(WrongPlaces))]
    public void Wrong_file_system_is_told_with_what_would_mend_it(string driver, string place, string remedy)
    {
        using var rig = place is "overlay" or "fuse" ? new Rig(place == "fuse" ? "fuse-overlayfs" : "overlay", fileSystems.Of("ext4")) : null;
        rig?.Make("base", null, s => s.File("f"));
        rig?.Driver.CreateReadWrite(Box, Base);
        string root = rig?.Driver.Get(Box) ?? fileSystems.Of(place).NewDirectory();
        try
        {
            var registry = DriverRegistry.CreateDefault();
            var probe = registry.Probe(Path.Combine(root, "not", "yet", "there")).Single(p => p.Name == driver);
            var e = Record.Exception(() => registry.Get(driver, Path.Combine(root, "store")));
            Assert.Equal(e is null, probe.CanServe);
            Assert.DoesNotContain(".strata-probe", probe.Reason ?? "", StringComparison.Ordinal); // where it was tried is nobody's business
            if (remedy.Length > 0)
            {
                var unusable = Assert.IsType<DriverUnusableException>(e);
                Assert.Contains(remedy, unusable.Message, StringComparison.Ordinal);
                Assert.Contains(remedy, probe.Reason, StringComparison.Ordinal);
            }
            if (e is not null)
                Assert.Equal(rig is null ? [] : [Path.Combine(root, "f")], Directory.GetFileSystemEntries(root));
            // There is always one that serves, and its layers are layers.
            var chosen = registry.New(Path.Combine(root, "any"));
            Apply(chosen, Base, null, new TarBuilder().File("f", "f"));
            Assert.Equal(registry.Predict(Path.Combine(root, "another"), null, registry.Probe(root)).Name, chosen.Name);
        }
        finally
        {
            rig?.Driver.Put(Box);
        }
    }
}
