using Strata.Linux;
using Strata.Testing;

namespace Strata.Trees.Tests;

/// <summary>Mounts as data: EROFS from files, overlays over open directories and over mounts that are attached nowhere. Needs root.</summary>
public sealed class MounterTests : IDisposable
{
    private readonly ScratchDirectory _scratch = new();

    /// <summary>A file system of their own for images and devices: that it can be unmounted shows that nothing holds one.</summary>
    private readonly string _disk;

    public MounterTests() => _disk = _scratch.MountLoop("disk", "ext4", 32);

    public void Dispose() => _scratch.Dispose();

    [Theory]
    [InlineData(1, 9)]
    [InlineData(3, 12)]
    [InlineData(1000, 9)]
    public void Erofs_is_mounted_from_files_at_a_directory(int devices, int blockBits)
    {
        var files = new ErofsFiles(_disk, "e", devices, blockBits);
        string at = _scratch.Make("at");
        Mounter.Mount([files.Mount], at);
        Assert.Equal(files.Content, File.ReadAllBytes(Path.Combine(at, "f")));
        Assert.Throws<IOException>(() => File.WriteAllText(Path.Combine(at, "g"), "x"));
        Assert.True(Mounter.Unmount(at));
        AssertFree();
    }

    [Fact]
    public void Erofs_is_mounted_nowhere()
    {
        var files = new ErofsFiles(_disk, "e", 2);
        string before = File.ReadAllText("/proc/self/mountinfo");
        using (var root = Mounter.MountDetached(files.Mount))
        {
            Assert.True(root.IsDetachedMount);
            Assert.Equal(files.Content, ErofsFiles.Read(root));
            Assert.DoesNotContain(files.Image, File.ReadAllText("/proc/self/mountinfo"), StringComparison.Ordinal);
        }
        AssertFree();
    }

    [Fact]
    public void Erofs_takes_paths_that_fsconfig_does_not()
    {
        string below = string.Join('/', Enumerable.Repeat(new string('d', 200), 3));
        var files = new ErofsFiles(_disk, below, 300);
        string at = _scratch.Make("at");
        Mounter.Mount([files.Mount], at);
        Assert.Equal(files.Content, File.ReadAllBytes(Path.Combine(at, "f")));
        Mounter.Unmount(at);
        AssertFree();
    }

    [Fact]
    public void Overlay_takes_paths_that_fsconfig_does_not()
    {
        string below = string.Join('/', Enumerable.Repeat(new string('d', 200), 3));
        string[] lowers = [.. Enumerable.Range(0, 30).Select(i => _scratch.Make($"{below}/l:{i}"))]; // too many for a page of mount(2)
        File.WriteAllText(lowers[29] + "/f", "below");
        File.WriteAllText(lowers[0] + "/g", "above");
        string upper = _scratch.Make(below + "/upper"), work = _scratch.Make(below + "/work"), at = _scratch.Make("at");
        var options = new[] { "lowerdir=" + string.Join(':', lowers.Select(l => l.Replace(":", "\\:", StringComparison.Ordinal))), "upperdir=" + upper, "workdir=" + work };
        Mounter.Mount([new Mount("overlay", "overlay", "", options)], at);
        Assert.Equal("below", File.ReadAllText(at + "/f"));
        Assert.Equal("above", File.ReadAllText(at + "/g"));
        File.WriteAllText(at + "/new", "x");
        Assert.True(File.Exists(upper + "/new"));
        Mounter.Unmount(at);
    }

    [Fact]
    public void Overlay_over_open_directories()
    {
        string upper = _scratch.Make("upper"), work = _scratch.Make("work"), at = _scratch.Make("at");
        RootDirectory[] lowers = [.. Enumerable.Range(0, 3).Select(i => RootDirectory.Open(_scratch.Make("l" + i)))];
        File.WriteAllText(_scratch["l0/f"], "nearest");
        File.WriteAllText(_scratch["l2/f"], "lowest");
        File.WriteAllText(_scratch["l2/g"], "g");
        Mounter.Mount(new Mount("overlay", "overlay", "", ["upperdir=" + upper, "workdir=" + work, "nosuid"]), at, lowers);
        foreach (var lower in lowers)
            lower.Dispose();
        Assert.Equal("nearest", File.ReadAllText(at + "/f"));
        Assert.Equal("g", File.ReadAllText(at + "/g"));
        File.Delete(at + "/g");
        Assert.True(File.Exists(_scratch["l2/g"]));
        Assert.Contains("nosuid", MountTable.Read().Single(row => row.Point == at).Options, StringComparison.Ordinal);
        Mounter.Unmount(at);
    }

    [Fact]
    public void Overlay_lives_on_detached_mounts_that_were_closed()
    {
        var files = new ErofsFiles(_disk, "e", 2);
        string upper = _scratch.Make("upper"), work = _scratch.Make("work"), at = _scratch.Make("at");
        var overlay = new Mount("overlay", "overlay", "", ["upperdir=" + upper, "workdir=" + work]);
        using (var lower = Mounter.MountDetached(files.Mount))
            Mounter.Mount(overlay, at, [lower]);
        Assert.Equal([_disk, at], Mounts.AtOrBelow(_scratch.Path));
        Assert.Equal(files.Content, File.ReadAllBytes(at + "/f"));
        File.AppendAllText(at + "/f", "more");
        Assert.Equal([.. files.Content, .. "more"u8], File.ReadAllBytes(at + "/f"));
        Assert.True(Mounter.Unmount(at));
        AssertFree();
    }

    [Fact]
    public void A_detached_overlay_lies_over_detached_mounts()
    {
        string low = _scratch.Make("low");
        File.WriteAllText(low + "/g", "g");
        var files = new ErofsFiles(_disk, "e", 1);
        using (var lower = Mounter.MountDetached(files.Mount))
        using (var root = Mounter.MountDetached(new Mount("overlay", "overlay", "", ["ro", "lowerdir=" + low]), [lower]))
        {
            lower.Dispose();
            Assert.Equal(files.Content, ErofsFiles.Read(root));
            Assert.NotNull(root.FindStatus(EntryPath.Of("g")));
        }
        AssertFree();
    }

    [Fact]
    public void A_kernel_without_descriptors_is_given_paths()
    {
        var files = new ErofsFiles(_disk, "e", 1);
        string upper = _scratch.Make("upper"), work = _scratch.Make("work"), at = _scratch.Make("at");
        RootDirectory[] lowers = [.. Enumerable.Range(0, 300).Select(i => RootDirectory.Open(_scratch.Make("l" + i))), Mounter.MountDetached(files.Mount)];
        File.WriteAllText(_scratch["l299/g"], "g");
        MountContext.UsePathsOnly(true);
        try
        {
            Mounter.Mount(new Mount("overlay", "overlay", "", ["upperdir=" + upper, "workdir=" + work]), at, lowers);
        }
        finally
        {
            MountContext.UsePathsOnly(false);
        }
        foreach (var lower in lowers)
            lower.Dispose();
        Assert.Equal("g", File.ReadAllText(at + "/g"));
        Assert.Equal(files.Content, File.ReadAllBytes(at + "/f"));
        Mounter.Unmount(at);
        AssertFree();
    }

    [Fact]
    public void Five_hundred_lowers_are_the_most()
    {
        RootDirectory[] lowers = [.. Enumerable.Range(0, MountCalls.MaxOverlayLowers + 1).Select(i => RootDirectory.Open(_scratch.Make("l" + i)))];
        File.WriteAllText(_scratch[$"l{MountCalls.MaxOverlayLowers - 1}/f"], "lowest");
        var overlay = new Mount("overlay", "overlay", "", ["ro"]);
        using (var root = Mounter.MountDetached(overlay, lowers[..MountCalls.MaxOverlayLowers]))
            Assert.NotNull(root.FindStatus(EntryPath.Of("f")));
        var error = Assert.ThrowsAny<StrataException>(() => Mounter.MountDetached(overlay, lowers));
        Assert.Equal(ErrorKind.InvalidArgument, error.Kind);
        Assert.Contains("500", error.Message, StringComparison.Ordinal);
        foreach (var lower in lowers)
            lower.Dispose();
    }

    [Fact]
    public void A_failed_mount_leaves_nothing()
    {
        var files = new ErofsFiles(_disk, "e", 2);
        string at = _scratch.Make("at");
        var missing = files.Mount with { Options = ["ro", "device=" + files.Devices.First()] };
        Assert.Equal(ErrorKind.InvalidArgument, Assert.ThrowsAny<StrataException>(() => Mounter.Mount([missing], at)).Kind);
        var nowhere = files.Mount with { Source = _scratch["nothing"] };
        Assert.Equal(ErrorKind.NotFound, Assert.ThrowsAny<StrataException>(() => Mounter.Mount([nowhere], at)).Kind);
        using (var lower = RootDirectory.Open(at))
            Assert.Equal(ErrorKind.InvalidArgument, Assert.ThrowsAny<StrataException>(() => Mounter.MountDetached(files.Mount, [lower])).Kind);
        AssertFree();
    }

    [Fact]
    public void Files_that_the_kernel_cannot_mount_are_told_and_loop_devices_serve()
    {
        // tmpfs has no read_folio, by which EROFS reads files (Linux 6.18).
        var files = new ErofsFiles(_scratch.MountTmpfs("memory", "size=1m"), "e", 1);
        try
        {
            using var direct = Mounter.MountDetached(files.Mount);
            Assert.Equal(files.Content, ErofsFiles.Read(direct));
        }
        catch (StrataException e)
        {
            Assert.Equal(ErrorKind.NotSupported, e.Kind);
            Assert.Contains("tmpfs", e.Message, StringComparison.Ordinal);
        }
        using var root = Mounter.MountDetached(files.LoopMount);
        Assert.Equal(files.Content, ErofsFiles.Read(root));
    }

    [Fact]
    public void A_user_who_may_not_mount_is_told()
    {
        var files = new ErofsFiles(_disk, "e", 1);
        StrataException? error = null;
        Unprivileged.Run(() => error = Assert.ThrowsAny<StrataException>(() => Mounter.MountDetached(files.Mount)));
        Assert.Equal(ErrorKind.PermissionDenied, error!.Kind);
        Assert.Contains("root", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(1, false)]
    [InlineData(12, true)]
    public void Erofs_by_loop_devices_leaves_none(int devices, bool directIO)
    {
        var files = new ErofsFiles(_disk, "e", devices, directIO ? 12 : 9);
        string at = _scratch.Make("at");
        var mount = directIO ? files.LoopMount with { Options = [.. files.LoopMount.Options, "directio"] } : files.LoopMount;
        Mounter.Mount([mount], at);
        Assert.StartsWith("/dev/loop", MountTable.Read().Single(row => row.Point == at).Source, StringComparison.Ordinal);
        Assert.Equal(devices + 1, LoopsOfDisk());
        Assert.Equal(files.Content, File.ReadAllBytes(at + "/f"));
        Mounter.Unmount(at);
        Assert.Equal(0, LoopsOfDisk());
        AssertFree();
    }

    [Fact]
    public void A_detached_loop_mount_and_a_failed_one_leave_no_devices()
    {
        var files = new ErofsFiles(_disk, "e", 2);
        using (var root = Mounter.MountDetached(files.LoopMount))
            Assert.Equal(files.Content, ErofsFiles.Read(root));
        var missing = files.LoopMount with { Options = ["ro", "loop", "device=" + files.Devices.First(), "device=" + _scratch["nothing"]] };
        Assert.Equal(ErrorKind.NotFound, Assert.ThrowsAny<StrataException>(() => Mounter.MountDetached(missing)).Kind);
        Assert.Equal(0, LoopsOfDisk());
    }

    [Fact]
    public void Loop_devices_are_given_out_to_many_at_once()
    {
        File.WriteAllBytes(_disk + "/file", new byte[512]);
        Parallel.For(0, 40, new ParallelOptions { MaxDegreeOfParallelism = 8 }, _ =>
        {
            using var device = LoopDevice.Attach(_disk + "/file");
            Assert.Equal(_disk + "/file", File.ReadAllText($"/sys/block/{Path.GetFileName(device.Path)}/loop/backing_file").TrimEnd());
        });
        Assert.Equal(0, LoopsOfDisk());
    }

    /// <summary>Nothing is mounted, no file system instance lives on, no file is held.</summary>
    private void AssertFree()
    {
        Assert.Equal([_disk], Mounts.AtOrBelow(_scratch.Path));
        Assert.True(Mounter.Unmount(_disk));
    }

    private int LoopsOfDisk()
    {
        int found = 0;
        foreach (string block in Directory.EnumerateDirectories("/sys/block", "loop*"))
        {
            string file = Path.Combine(block, "loop", "backing_file");
            try
            {
                found += File.ReadAllText(file).StartsWith(_disk + "/", StringComparison.Ordinal) ? 1 : 0;
            }
            catch (IOException)
            {
                // not bound, or let go just now
            }
        }
        return found;
    }
}
