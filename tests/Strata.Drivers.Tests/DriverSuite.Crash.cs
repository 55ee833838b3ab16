using System.Globalization;
using Strata.Testing;

namespace Strata.Drivers.Tests;

/// <content>A process that is killed in the middle of a layer's life.</content>
public abstract partial class DriverSuite
{
    /// <summary>
    /// How many moments are tried, spread over all system calls by which the life of a layer changes something. The environment variable
    /// STRATA_TEST_CRASH_POINTS asks for more; with 1000 every call is one.
    /// </summary>
    private static readonly int CrashPoints =
        int.TryParse(Environment.GetEnvironmentVariable("STRATA_TEST_CRASH_POINTS"), CultureInfo.InvariantCulture, out int asked) ? asked : 12;

    private const string ChangingCalls =
        "mkdir,mkdirat,mknodat,rename,renameat,renameat2,unlink,unlinkat,rmdir,symlink,symlinkat,link,linkat,mount,umount2,move_mount,fchmod,fchmodat,fchown,fchownat,"
        + "utimensat,flock,ftruncate,pwrite64,copy_file_range,fsetxattr,setxattr,lsetxattr,ioctl";

    [Fact]
    public void Killed_at_any_moment_it_leaves_layers_whole_or_absent()
    {
        var below = Rig.Apply("below", null, RichLayers.Below());
        File.WriteAllBytes(Path.Combine(Rig.Outside, "over.tar"), CrashTar().ToArray());
        string empty = Rig.Dump(below);
        string whole = Rig.Dump(Rig.Apply("victim", below, CrashTar()));
        Driver.Remove(Id("victim"));
        Driver.Cleanup();
        string[] clean = HomeListing();

        var (calls, steps) = LiveAndDie(null);
        Assert.Equal("end remove", steps[^1]);
        Assert.Equal(clean, HomeListing());
        int dead = 0;
        int points = Math.Min(CrashPoints, calls.Length);
        // A driver that runs on several file systems tries every moment on ext4, and on each of the others every second one, the odd or the even.
        var (first, step) = FileSystem.Type == "ext4" || Rig.Kind == FileSystem.Type || CrashPoints > 12 ? (0, 1) : (FileSystem.Type == "xfs" ? 1 : 0, 2);
        int tried = 0;
        for (int i = first; i < points; i += step)
        {
            tried++;
            var (call, at) = calls[i * (calls.Length - 1) / (points - 1)];
            (_, steps) = LiveAndDie((call, at));
            string last = steps.Length == 0 ? "" : steps[^1];
            dead += last == "end remove" ? 0 : 1;
            AssertTruth(below, empty, whole, last, $"killed at {call} {at}, after '{last}'");
            Assert.Equal(clean, HomeListing());
        }
        Assert.True(dead > tried / 2, $"only {dead} of {tried} were killed in time");
    }

    private static TarBuilder CrashTar() => new TarBuilder()
        .Dir("new", 0x1C0, 5, 6).File("new/large", new string('x', 300_000)).File("new/small", "s").File("new/small", "replaced").Whiteout("file").Opaque("d").File("d/own", "o")
        .Hardlink("linked", "target").Symlink("s", "new").Xattr("user.x", 1).File("a/b/attributed", "x");

    private void AssertTruth(LayerId below, string empty, string whole, string last, string when)
    {
        var victim = Id("victim");
        var driver = Rig.Open();
        bool exists = driver.Exists(victim);
        Assert.True(exists == driver.List().Contains(victim), when);
        Assert.True(driver.Exists(below) && driver.List().Contains(below), when);
        Assert.True(empty == Rig.Dump(below), when);
        bool? expected = last switch
        {
            "" or "begin create" or "begin remove" => null,
            "end remove" => false,
            _ => true,
        };
        Assert.True(expected is null || expected == exists, $"{when} the layer {(exists ? "exists" : "does not exist")}");
        if (exists)
        {
            string now = Rig.Dump(victim);
            if (last is "begin create" or "end create")
                Assert.True(empty == now, when);
            else if (last != "begin apply") // a layer that is half applied is half a layer: its maker knows that it did not finish
                Assert.True(whole == now, when);
        }
        else
        {
            Fails(ErrorKind.NotFound, () => driver.Get(victim));
        }
        if (exists && Mounts.AtOrBelow(Rig.Home).Count > 0)
        {
            Fails(ErrorKind.FailedPrecondition, () => driver.Remove(victim));
            driver.Cleanup();
            Assert.Empty(Mounts.AtOrBelow(Rig.Home));
        }
        driver.Remove(victim);
        Assert.False(driver.Exists(victim), when);
        driver.Cleanup();
        Assert.DoesNotContain(victim, driver.List());
        // The ID is free, and nothing of the dead layer shows in the new one.
        driver.Create(victim, below);
        Assert.True(empty == Rig.Dump(victim), when);
        driver.ApplyDiff(victim, below, CrashTar().ToStream());
        Assert.True(whole == Rig.Dump(victim), when);
        driver.Remove(victim);
        driver.Cleanup();
    }

    /// <summary>
    /// A process that creates, fills, gets, puts and removes a layer, and dies before a call takes place; null: it lives. The calls of its first
    /// thread, each with how many of its name there were, and what it told.
    /// </summary>
    private ((string Call, int Count)[] Calls, string[] Steps) LiveAndDie((string Call, int Count)? killAt)
    {
        string log = Path.Combine(Rig.Outside, "calls.log");
        string[] kill = killAt is { } k ? ["-e", string.Create(CultureInfo.InvariantCulture, $"inject={k.Call}:signal=SIGKILL:when={k.Count}")] : [];
        using var process = Child.StartUnder(
            ["strace", "-f", "-qq", "-o", log, "-e", "trace=" + ChangingCalls, .. kill],
            "life", Rig.Kind, Rig.Home, "victim", "below", Path.Combine(Rig.Outside, "over.tar"));
        var error = process.StandardError.ReadToEndAsync();
        string[] steps = process.StandardOutput.ReadToEnd().Split('\n', StringSplitOptions.RemoveEmptyEntries);
        process.WaitForExit();
        Assert.True((killAt is not null || process.ExitCode == 0) && File.Exists(log), $"{killAt}: {error.GetAwaiter().GetResult()}");
        string[] lines = File.ReadAllLines(log);
        File.Delete(log);
        string thread = lines.Length == 0 ? "" : lines[0].Split(' ')[0];
        var counts = new Dictionary<string, int>();
        var calls = new List<(string, int)>();
        bool begun = false;
        foreach (string line in lines.Where(line => line.StartsWith(thread + " ", StringComparison.Ordinal) && line.Contains('(', StringComparison.Ordinal) && !line.Contains("<...", StringComparison.Ordinal)))
        {
            string name = line[(thread.Length + 1)..line.IndexOf('(', StringComparison.Ordinal)].Trim();
            counts[name] = counts.GetValueOrDefault(name) + 1;
            begun = begun || line.Contains(Rig.Home, StringComparison.Ordinal); // the runtime's own start is none of ours
            if (begun && !name.StartsWith("syscall_", StringComparison.Ordinal)) // one that strace has no name for
                calls.Add((name, counts[name]));
        }
        return ([.. calls], steps);
    }

    /// <summary>All that lies in the driver's home, the layers' own trees left out.</summary>
    private string[] HomeListing() =>
        [.. Directory.EnumerateFileSystemEntries(Rig.Home, "*", new EnumerationOptions { RecurseSubdirectories = true, AttributesToSkip = FileAttributes.ReparsePoint, MaxRecursionDepth = 2 })
            .Concat(Directory.EnumerateFileSystemEntries(Rig.Home, "*", SearchOption.TopDirectoryOnly)).Distinct().Order(StringComparer.Ordinal)];
}
