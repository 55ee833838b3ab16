using System.Security.Cryptography;
using Strata.Linux;
using Strata.Testing;

namespace Strata.Drivers.Tests;

/// <content>No room: disks that are full, inodes that are used up, limits that are reached.</content>
public sealed partial class BadInputTests
{
    private const int Megabyte = 1 << 20;

    public static TheoryData<string, string, string> SmallDisks => new()
    {
        { "overlay", "ext4", "space" }, { "overlay", "tmpfs", "inodes" }, { "vfs", "ext4", "space" }, { "vfs", "tmpfs", "inodes" }, { "erofs", "ext4", "space" }, { "erofs", "tmpfs", "inodes" },
        { "fuse-overlayfs", "ext4", "space" }, { "btrfs", "btrfs", "space" },
    };

    [Theory]
    [MemberData(nameof(SmallDisks))]
    public void Full_disk_is_told_loses_nothing_and_room_can_be_made(string driver, string fileSystem, string what)
    {
        using var scratch = new ScratchDirectory();
        string disk = fileSystem == "tmpfs" ? scratch.MountTmpfs("disk", "size=100m,nr_inodes=400") : scratch.MountLoop("disk", fileSystem, fileSystem == "btrfs" ? 128 : 32);
        string home = Path.Combine(disk, "home");
        var made = Rig.Open(driver, home);
        Apply(made, Base, null, RichLayers.Below());
        made.CreateReadWrite(Box, Base);
        Use(made, Box, root => File.WriteAllText(Path.Combine(root, "mine"), "x"));
        Apply(made, Rig.Id("old"), null, new TarBuilder().File("o", Noise(Megabyte)));
        string[] changes = [.. made.Changes(Box, Base).Select(c => c.ToString())];
        byte[] diff = Diff(made, Box, Base);
        string[] before = Listing(home);

        // Too much is applied.
        var large = new TarBuilder();
        for (int i = 0; i < (what == "inodes" ? 1000 : 12); i++)
            large.File($"d/file{i}", what == "inodes" ? "x" : Noise((driver == "btrfs" ? 6 : 4) * Megabyte));
        if (driver != "erofs" || what == "space") // a tar is one file, whatever is in it
        {
            made.Create(Rig.Id("large"), Base);
            Told(Record.Exception(() => made.ApplyDiff(Rig.Id("large"), Base, large.ToStream())), ErrorKind.Exhausted, ["space"]);
            made.Remove(Rig.Id("large"));
            Assert.Equal(before, Listing(home));
        }

        // Nothing is left at all: what can't be done is told, and leaves nothing; what needs no room goes on.
        string ballast = Path.Combine(disk, "ballast");
        FillUp(ballast, what == "inodes");
        var driverNow = Rig.Open(driver, home);
        Assert.NotEmpty(driverNow.GetStatus());
        foreach (var (id, parent) in new (string, LayerId?)[] { ("new", Base), ("alone", null) })
        {
            if (Record.Exception(() => driverNow.CreateReadWrite(Rig.Id(id), parent)) is { } e)
                Told(e, ErrorKind.Exhausted, []);
            else
                driverNow.Remove(Rig.Id(id));
            Assert.False(driverNow.Exists(Rig.Id(id)));
        }
        Assert.Equal(before, Listing(home));
        Assert.Equal(changes, driverNow.Changes(Box, Base).Select(c => c.ToString()));
        Assert.True(diff.AsSpan().SequenceEqual(Diff(driverNow, Box, Base)));
        if (Record.Exception(() => Use(driverNow, Box, root => Assert.Equal("x", File.ReadAllText(Path.Combine(root, "mine"))))) is { } full)
            Told(full, ErrorKind.Exhausted, []);
        Assert.Empty(Mounts.AtOrBelow(home));

        // Removing makes room.
        driverNow.Remove(Rig.Id("old"));
        Assert.False(driverNow.Exists(Rig.Id("old")));
        Trees.TreeRemover.Remove(ballast);
        driverNow.Cleanup();
        for (int i = 0; driver == "btrfs" && i < 100 && new DriveInfo(disk).AvailableFreeSpace < 20 * Megabyte; i++)
        {
            Commands.Run("btrfs", "filesystem", "sync", disk); // it gives the space of subvolumes back in the background; this wakes it up
            Thread.Sleep(20);
        }
        Apply(driverNow, Rig.Id("new"), Base, new TarBuilder().File("n", "n"));
        Assert.Equal(changes, driverNow.Changes(Box, Base).Select(c => c.ToString()));
        foreach (string id in new[] { "new", "box", "base" })
            driverNow.Remove(Rig.Id(id));
        Assert.Empty(driverNow.List());
        Assert.Empty(Mounts.AtOrBelow(home));
    }

    /// <summary>Project quotas are not enforced by this kernel: tools/guest/quota.sh.</summary>
    [Theory]
    [InlineData("overlay", "ext4")]
    [InlineData("erofs", "ext4")]
    [InlineData("btrfs", "btrfs")]
    public void Used_up_limit_is_told_and_the_layer_stays_whole(string driver, string fileSystem)
    {
        // On a btrfs of its own: quotas cost all others something.
        using var own = fileSystem == "btrfs" ? LoopFileSystem.Create(fileSystem) : null;
        using var rig = new Rig(driver, own ?? fileSystems.Of(fileSystem));
        rig.Apply("base", null, new TarBuilder().File("f", "f"));
        var limits = new Dictionary<string, string> { ["size"] = "16m" };
        if (driver != "btrfs")
            limits["backing"] = "loop";
        rig.Driver.CreateReadWrite(Box, Base, new CreateOptions { StorageOptions = limits });
        rig.Change(Box, s => s.File("mine", "x"));
        rig.Driver.Sync();
        Told(Record.Exception(() => rig.Driver.ApplyDiff(Box, Base, new TarBuilder().File("much", Noise(24 * Megabyte)).ToStream())), ErrorKind.Exhausted, []);
        Assert.Empty(Mounts.AtOrBelow(rig.Home));
        Assert.NotEmpty(rig.Open().GetStatus());
        // What was there is there, and the layer goes on within its limit.
        rig.Use(Box, root =>
        {
            Assert.Equal("x", File.ReadAllText(Path.Combine(root, "mine")));
            File.Delete(Path.Combine(root, "much"));
            return 0;
        });
        rig.Driver.Sync();
        rig.Change(Box, s => s.File("more", "y"));
        Assert.Equal(["A /mine", "A /more"], rig.Changes(Box, Base));
        rig.Apply("other", Base, new TarBuilder().File("much", Noise(24 * Megabyte))); // nobody else is limited
        rig.Driver.Remove(Box);
        Assert.False(rig.Driver.Exists(Box));
    }

    private static void Apply(IDriver driver, LayerId id, LayerId? parent, TarBuilder tar)
    {
        driver.Create(id, parent);
        driver.ApplyDiff(id, parent, tar.ToStream());
    }

    private static void Use(IDriver driver, LayerId id, Action<string> use)
    {
        string root = driver.Get(id);
        try
        {
            use(root);
        }
        finally
        {
            driver.Put(id);
        }
    }

    private static byte[] Diff(IDriver driver, LayerId id, LayerId? parent)
    {
        using var tar = new MemoryStream();
        driver.Diff(id, parent, tar);
        return tar.ToArray();
    }

    /// <summary>Text that no file system makes smaller.</summary>
    private static string Noise(int length) => Convert.ToBase64String(RandomNumberGenerator.GetBytes(length * 3 / 4));

    private static void FillUp(string directory, bool inodes)
    {
        Directory.CreateDirectory(directory);
        if (inodes)
        {
            for (int i = 0; NameCalls.TryMakeNode(FileCalls.CurrentDirectory, System.Text.Encoding.UTF8.GetBytes($"{directory}/{i}"), NameCalls.TypeRegular | 0x180, 0, 0) == Errno.None; i++)
            {
                // until there are no more
            }
            return;
        }
        using (var file = new FileStream(Path.Combine(directory, "ballast"), FileMode.Create, FileAccess.Write, FileShare.None, 0))
        {
            foreach (int size in new[] { Megabyte, 4096, 1 })
            {
                byte[] block = RandomNumberGenerator.GetBytes(size);
                while (TryWrite(file, block))
                {
                    // until there is no more
                }
            }
        }
        _ = Commands.TryRun("sync", "-f", directory);
    }

    private static bool TryWrite(FileStream file, byte[] block)
    {
        try
        {
            file.Write(block);
            return true;
        }
        catch (IOException)
        {
            return false; // full, which is the point
        }
    }
}
