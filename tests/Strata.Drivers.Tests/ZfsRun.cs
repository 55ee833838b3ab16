using System.Diagnostics;
using Strata.Drivers.Zfs;
using Strata.Linux;
using Strata.Testing;

namespace Strata.Drivers.Tests;

/// <summary>The zfs driver over zfs-fuse, in a pool in a file: its daemon is started for the tests and ended after them.</summary>
internal sealed class ZfsRun : IDisposable
{
    private const string Pool = "stratatests";
    private readonly ScratchDirectory _root = new();
    private readonly string _pool;
    private readonly Process _daemon;
    private readonly Timer _guard;
    private readonly IDriver _driver;

    internal ZfsRun()
    {
        // In memory, if it may be: the less zfs-fuse has to wait for, the better.
        _pool = Directory.Exists("/dev/shm") ? Path.Combine("/dev/shm", Path.GetFileName(_root.Path) + ".pool") : _root["pool"];
        _daemon = Process.Start(new ProcessStartInfo("zfs-fuse", ["--no-daemon"]) { RedirectStandardError = true, RedirectStandardOutput = true })!;
        _guard = new Timer(_ => StandsStill(), null, TimeSpan.FromSeconds(45), Timeout.InfiniteTimeSpan);
        try
        {
            for (int i = 0; i < 300 && Commands.TryRun("zpool", "list").ExitCode != 0; i++)
                Thread.Sleep(50);
            Commands.TryRun("zpool", "destroy", "-f", Pool); // of a run that was killed: the daemon remembers it
            Commands.Run("truncate", "-s", "256M", _pool);
            Commands.Run("zpool", "create", "-m", "none", Pool, _pool);
            _driver = Open();
        }
        catch
        {
            End();
            _root.Dispose();
            throw;
        }
    }

    public void Dispose()
    {
        using var closing = new Closing();
        if (StoodStill)
        {
            foreach (string point in Mounts.AtOrBelow(_root.Path).Reverse())
                closing.Do(() => Trees.Mounter.Unmount(point, lazy: true));
        }
        else
        {
            closing.Do(_driver.Cleanup);
        }
        closing.Do(End);
        closing.Do(() => Assert.Empty(Mounts.AtOrBelow(_root.Path)));
        closing.Do(_root.Dispose);
    }

    /// <summary>True if the daemon was ended since nothing moved.</summary>
    internal bool StoodStill { get; private set; }

    internal void LiveCompareLimitAndRefuse()
    {
        Assert.False(_driver.Capabilities.KeepsXattrs);
        Assert.Contains(_driver.GetStatus(), item => item.Key == "Extended attributes" && item.Value.StartsWith("not kept", StringComparison.Ordinal));
        Assert.Contains(_driver.GetStatus(), item => item is { Key: "Zpool Health", Value: "ONLINE" });
        var (below, box, again) = (Rig.Id("below"), Rig.Id("box"), Rig.Id("again"));
        _driver.Create(below, null);
        _driver.ApplyDiff(below, null, new TarBuilder().File("f", "x").Dir("d", 0x1C9, 5, 6).File("d/gone", "g").Symlink("l", "f").ToStream());
        _driver.CreateReadWrite(box, below, new CreateOptions { StorageOptions = new Dictionary<string, string> { ["size"] = "8m" } });
        Assert.Equal("8388608", _driver.GetMetadata(box)["Size"]);
        new DriverPage("zfs").Check(_driver, ("FSNAME", Pool), ("ID", "box"));
        bool shares = _driver.GetUsage(box).SizeBytes < _driver.GetUsage(below).SizeBytes;
        string root = _driver.Get(box);
        Assert.Equal(root, Open().Get(box)); // counted, in another object too
        File.WriteAllText(Path.Combine(root, "new"), "n");
        File.Delete(Path.Combine(root, "d/gone"));
        _driver.Put(box);
        Assert.Equal("x", File.ReadAllText(Path.Combine(root, "f")));
        Assert.Equal(["C /d", "D /d/gone", "A /new"], _driver.Changes(box, below).Select(c => c.ToString()));
        using var diff = new MemoryStream();
        _driver.Diff(box, below, diff);
        // A write that would pass the quota is tried again by zfs as long as what is on disk is below it: at times for ever, with zfs-fuse.
        _guard.Change(TimeSpan.FromSeconds(10), Timeout.InfiniteTimeSpan);
        var e = Assert.ThrowsAny<IOException>(() => File.WriteAllBytes(Path.Combine(root, "much"), System.Security.Cryptography.RandomNumberGenerator.GetBytes(16 << 20)));
        _guard.Change(TimeSpan.FromSeconds(45), Timeout.InfiniteTimeSpan);
        Assert.True((e.HResult & 0xFFFF) is (int)Errno.EDQUOT or (int)Errno.ENOSPC, e.Message);
        Assert.Equal(ErrorKind.FailedPrecondition, Assert.ThrowsAny<StrataException>(() => _driver.Remove(box)).Kind);
        _driver.Put(box);
        Assert.Empty(Mounts.AtOrBelow(_root.Path));
        _driver.Create(again, below);
        diff.Position = 0;
        _driver.ApplyDiff(again, below, diff);
        Assert.Equal(["C /d", "D /d/gone", "A /new"], _driver.Changes(again, below).Select(c => c.ToString()));
        // A layer with children stays; nothing is lost by the try.
        Assert.Equal(ErrorKind.FailedPrecondition, Assert.ThrowsAny<StrataException>(() => _driver.Remove(below)).Kind);
        Assert.Equal([again, below, box], Open().List().OrderBy(id => id.ToString()));
        // What has attributes is refused, not stripped.
        _driver.Create(Rig.Id("attributed"), null);
        Assert.Equal(ErrorKind.NotSupported, Assert.ThrowsAny<StrataException>(() => _driver.ApplyDiff(Rig.Id("attributed"), null, new TarBuilder().Xattr("user.x", 1).File("f").ToStream())).Kind);
        Assert.Equal(ErrorKind.NotSupported, Assert.ThrowsAny<StrataException>(() => _driver.GetMounts(box, new MountRequest(MountLabel: "a:b:c:s0"))).Kind);
        NoteWhatFilesMayBe();
        foreach (var id in new[] { Rig.Id("attributed"), again, box, below })
            _driver.Remove(id);
        Assert.Empty(_driver.List());
        Assert.DoesNotContain("@", Commands.Run("zfs", "list", "-H", "-t", "all", "-r", "-o", "name", Pool), StringComparison.Ordinal);
        foreach (var wrong in new[] { ("size", "0"), ("colour", "red") })
            Assert.Equal(ErrorKind.InvalidArgument, Assert.ThrowsAny<StrataException>(() => _driver.CreateReadWrite(box, null, new CreateOptions { StorageOptions = new Dictionary<string, string> { [wrong.Item1] = wrong.Item2 } })).Kind);
        // The wrong place.
        var none = Assert.Throws<DriverUnusableException>(() => ZfsDriver.Init(_root["other"], DriverOptions.Parse(["zfs.fsname=nowhere/at-all"])));
        Assert.Contains("zfs create", none.Message, StringComparison.Ordinal);
        none = Assert.Throws<DriverUnusableException>(() => ZfsDriver.Init(_root["other"], DriverOptions.None));
        Assert.Equal(DriverUnusableReason.Prerequisites, none.Reason);
        FeatureTable.Note("zfs", "zfs-fuse", Feature.FileSystems, "a test of its own: zfs-fuse");
        FeatureTable.Note("zfs", "zfs-fuse", Feature.Mounts, "a mount of zfs");
        FeatureTable.Note("zfs", "zfs-fuse", Feature.Shares, shares ? "yes" : "no");
        FeatureTable.Note("zfs", "zfs-fuse", Feature.Exact, _driver.Capabilities.ReproducesExactDiffs ? "yes" : "no");
        FeatureTable.Note("zfs", "zfs-fuse", Feature.Parallel, _driver.Capabilities.AppliesWithoutParent ? "yes" : "no");
        FeatureTable.Note("zfs", "zfs-fuse", Feature.Xattrs, "no (zfs-fuse)");
        FeatureTable.Note("zfs", "zfs-fuse", Feature.Label, "refused (zfs-fuse)");
        FeatureTable.Note("zfs", "zfs-fuse", Feature.SizeLimit, "yes");
        FeatureTable.Note("zfs", "zfs-fuse", Feature.InodeLimit, "no");
        FeatureTable.Note("zfs", "zfs-fuse", Feature.Rebase, _driver is IRebasingDriver ? "yes" : "no");
    }

    /// <summary>What the suite finds of other drivers, for the table of features.</summary>
    private void NoteWhatFilesMayBe()
    {
        var (below, box) = (Rig.Id("kinds-below"), Rig.Id("kinds"));
        _driver.Create(below, null);
        string root = _driver.Get(below);
        new Scene(root).Dir("d").File("d/in", "x").Dir("to");
        _driver.Put(below);
        _driver.CreateReadWrite(box, below);
        root = _driver.Get(box);
        int longest = Enumerable.Range(240, 20).Last(length => NameCalls.TryMakeNode(FileCalls.CurrentDirectory, At(new string('n', length)), NameCalls.TypeRegular | 0x180, 0, 0) == Errno.None);
        Note(Feature.LongestName, longest.ToString(System.Globalization.CultureInfo.InvariantCulture));
        Note(Feature.Devices, YesNo(Make("null", 1, 3)));
        Note(Feature.Whiteout, YesNo(Make("zero", 0, 0)));
        var errno = NameCalls.TryRename(FileCalls.CurrentDirectory, At("d"), FileCalls.CurrentDirectory, At("to/d"), 0);
        Note(Feature.RenameDirectory, YesNo(errno == Errno.None));
        _driver.Put(box);
        root = _driver.Get(below);
        bool writable = NameCalls.TryMakeNode(FileCalls.CurrentDirectory, At("written"), NameCalls.TypeRegular | 0x180, 0, 0) == Errno.None;
        Note(Feature.ReadOnlyParent, YesNo(!writable));
        _driver.Put(below);
        Note(Feature.Replace, YesNo(_driver is ILayerStructure && Record.Exception(() => ((ILayerStructure)_driver).ReplaceContent(box, below)) is null));
        _driver.Remove(box);
        _driver.Remove(below);

        byte[] At(string name) => System.Text.Encoding.UTF8.GetBytes(Path.Combine(root, name));

        bool Make(string name, uint major, uint minor) =>
            NameCalls.TryMakeNode(FileCalls.CurrentDirectory, At(name), NameCalls.TypeCharDevice | 0x180, major, minor) == Errno.None
            && AttributeCalls.FindStatus(Path.Combine(root, name)) is { Type: NameCalls.TypeCharDevice } seen && seen.RdevMajor == major && seen.RdevMinor == minor;

        static string YesNo(bool value) => value ? "yes" : "no";

        static void Note(string feature, string found) => FeatureTable.Note("zfs", "zfs-fuse", feature, found);
    }

    private IDriver Open() => ZfsDriver.Init(_root["home"], DriverOptions.Parse(["zfs.fsname=" + Pool]));

    private void End()
    {
        _guard.Dispose();
        Commands.TryRun("zpool", "destroy", "-f", Pool);
        _daemon.Kill();
        _daemon.WaitForExit();
        _daemon.Dispose();
        Commands.TryRun("umount", "-l", "/zfs-kstat"); // the daemon's own, left when it is killed
        File.Delete(_pool);
    }

    private void StandsStill()
    {
        StoodStill = true;
        _daemon.Kill();
    }
}
