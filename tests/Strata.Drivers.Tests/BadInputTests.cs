using Strata.Linux;
using Strata.Testing;

namespace Strata.Drivers.Tests;

/// <summary>
/// What is wrong around a driver, a row each: damaged layouts, full disks, used-up limits, wrong file systems. Always the same: an error of the right kind that says
/// what is wrong and what to do; nothing is lost, and nothing left; the status is told, and what is damaged can be removed. What every driver must do on every file
/// system (layers missing below others, things that are no layers, busy mounts) is in <see cref="DriverSuite"/>.
/// </summary>
public sealed partial class BadInputTests(FileSystems fileSystems)
{
    /// <summary>Damages to the layers <c>base</c> and <c>box</c>, which lies on it, and what is tried then.</summary>
    private static readonly Damage[] Damages =
    [
        .. Stacking("overlay"), .. Stacking("fuse-overlayfs"),
        new("erofs", "lower is no list", h => Write(h, "box/lower", "garbage with spaces\n"), Get, ErrorKind.Corrupt, "box/lower", "load its image again"),
        new("erofs", "lower is empty", h => Write(h, "box/lower", ""), Get, ErrorKind.Corrupt, "box/lower", "load its image again"),
        new("erofs", "lower leads outside", h => Write(h, "box/lower", "../../etc\n"), Get, ErrorKind.Corrupt, "box/lower", "load its image again"),
        new("erofs", "lower names a layer that is not there", h => Write(h, "box/lower", "nowhere\n"), Get, ErrorKind.Corrupt, "nowhere", "load its image again"),
        new("erofs", "lower is a directory", h => MakeDirectory(h, "box/lower"), Get, ErrorKind.Corrupt, "box/lower", "load its image again"),
        new("erofs", "the upper directory is a file", h => MakeFile(h, "box/diff"), Get, ErrorKind.Corrupt, "box/diff"),
        new("erofs", "the work directory is a file", h => MakeFile(h, "box/work"), Get, ErrorKind.Corrupt, "box/work"),
        new("erofs", "the mount point is a file", h => MakeFile(h, "box/merged"), Get, ErrorKind.Corrupt, "box/merged"),
        new("erofs", "the index is cut off", h => Cut(h, "base/layer.1.erofs"), Get, ErrorKind.Corrupt, "base/layer.1.erofs", "strata check --repair"),
        new("erofs", "the end of the index is gone", h => Cut(h, "base/layer.1.erofs", 512), Get, ErrorKind.Corrupt, "base/layer.1.erofs", "strata check --repair"),
        new("erofs", "the index is something else", h => Write(h, "base/layer.1.erofs", new string('x', 9000)), Get, ErrorKind.Corrupt, "base/layer.1.erofs", "strata check --repair"),
        new("erofs", "the index is empty", h => Write(h, "base/layer.1.erofs", ""), Changes, ErrorKind.Corrupt, "base/layer.1.erofs", "strata check --repair"),
        new("erofs", "the index is a directory", h => MakeDirectory(h, "base/layer.1.erofs"), Get, ErrorKind.Corrupt, "base/layer.1.erofs"),
        new("erofs", "the tar is cut off, the index gone", h => { Cut(h, "base/layer.tar"); File.Delete(h + "/base/layer.1.erofs"); }, Get, ErrorKind.Corrupt, "base/layer.tar", "load"),
        new("erofs", "the tar is a directory", h => MakeDirectory(h, "base/layer.tar"), Get, ErrorKind.Corrupt, "base/layer.tar"),
        new("erofs", "the tar is a pipe", h => { File.Delete(h + "/base/layer.tar"); Commands.Run("mkfifo", h + "/base/layer.tar"); }, Get, ErrorKind.Corrupt, "base/layer.tar"),
        new("erofs", "the tar is gone", h => File.Delete(h + "/base/layer.tar"), (d, _) => d.Diff(Base, null, Stream.Null), null),
        new("vfs", "a layer is a file", h => MakeFile(h, "dir/box"), Get, ErrorKind.Corrupt, "dir/box", "Remove the layer"),
        new("vfs", "a parent is a file", h => MakeFile(h, "dir/base"), Create, ErrorKind.Corrupt, "dir/base", "Remove the layer"),
        new("vfs", "a layer is a link to nowhere", h => MakeLink(h, "dir/box", "/nowhere/at/all"), Get, null),
        new("btrfs", "a layer is a file", h => ReplaceSubvolume(h, "subvolumes/box", path => File.WriteAllText(path, "x")), Get, ErrorKind.Corrupt, "subvolumes/box", "Remove the layer"),
        new("btrfs", "a parent is a directory", h => ReplaceSubvolume(h, "subvolumes/base", path => Directory.CreateDirectory(path)), Create, ErrorKind.Corrupt, "subvolumes/base", "no subvolume"),
        new("btrfs", "a layer's limit is no number", h => { Directory.CreateDirectory(h + "/quotas"); Write(h, "quotas/box", "much"); }, (d, _) => d.GetMetadata(Box), ErrorKind.Corrupt, "quotas/box"),
        .. Homes("overlay", "l"), .. Homes("fuse-overlayfs"), .. Homes("erofs", "lowers"), .. Homes("vfs", "dir"), .. Homes("btrfs", "subvolumes"),
    ];

    private static readonly string[] OwnPlaces = ["/.mounts", "/.lock", "/.l", "/.tmp", "/.trash", "/lowers", "/chains", "/.displaced", "/mnt"];
    private static readonly string[] OwnFiles = ["/.mounts/", "/.l/", "/lowers/", "/chains/"];
    private static readonly LayerId Base = Rig.Id("base");
    private static readonly LayerId Box = Rig.Id("box");

    public static TheoryData<string, string> DamageNames => new(Damages.Select(damage => (damage.Driver, damage.Name)));

    [Theory]
    [MemberData(nameof(DamageNames))]
    public void Damaged_layout_is_told_and_nothing_else_suffers(string driver, string name)
    {
        var damage = Damages.Single(d => d.Driver == driver && d.Name == name);
        using var rig = new Rig(driver, fileSystems.Of(driver == "btrfs" ? "btrfs" : "ext4"));
        rig.Apply("base", null, RichLayers.Below());
        rig.Driver.CreateReadWrite(Box, Base);
        rig.Change(Box, s => s.File("mine", "x"));
        var other = rig.Apply("other", null, new TarBuilder().File("o", "o"));
        string expected = rig.Dump(other);

        damage.Do(rig.Home);
        string[] before = Listing(rig.Outside);
        var e = Record.Exception(() => damage.Try(rig.Open(), rig));
        Told(e, damage.Kind, damage.Says);
        Assert.Empty(Mounts.AtOrBelow(rig.Outside));
        Assert.Equal(before, Listing(rig.Outside));
        damage.Mend?.Invoke(rig.Home);
        var again = rig.Open();
        Assert.NotEmpty(again.GetStatus());
        Assert.Contains(other, again.List());
        Assert.Equal(expected, rig.Dump(other));
        foreach (var id in new[] { Box, Base })
        {
            again.Remove(id);
            Assert.False(again.Exists(id));
        }
        again.Cleanup();
        Assert.Equal([other], again.List());
        // The place is free again, and good.
        again.Create(Base, null);
        again.CreateReadWrite(Box, Base);
        Assert.Empty(rig.Changes(Box, Base));
    }

    private static void Told(Exception? e, ErrorKind? kind, IReadOnlyList<string> says)
    {
        if (kind is null && e is null)
            return;
        var told = Assert.IsAssignableFrom<StrataException>(e);
        Assert.True(kind is null || kind == told.Kind, $"expected {kind}, was {told.Kind}: {told.Message}");
        Assert.All(says, word => Assert.Contains(word, told.Message, StringComparison.Ordinal));
    }

    /// <summary>What lies there, a path a line; without the driver's own counts, locks and places, which are made when they are first needed.</summary>
    private static string[] Listing(string directory) => [.. Directory.EnumerateFileSystemEntries(directory, "*", new EnumerationOptions { RecurseSubdirectories = true, AttributesToSkip = 0 })
        .Where(path => !OwnPlaces.Any(own => path.EndsWith(own, StringComparison.Ordinal)) && !OwnFiles.Any(own => path.Contains(own, StringComparison.Ordinal))).Order(StringComparer.Ordinal)];

    private static void Get(IDriver driver, Rig rig)
    {
        driver.Get(Box);
        driver.Put(Box);
    }

    private static void Create(IDriver driver, Rig rig) => driver.CreateReadWrite(Rig.Id("new"), Base);

    private static void Changes(IDriver driver, Rig rig) => driver.Changes(Base, null);

    private static void Remove(IDriver driver, Rig rig) => driver.Remove(Box);

    private static Damage[] Stacking(string driver) =>
    [
        new(driver, "the upper directory is a file", h => MakeFile(h, "box/diff"), Get, ErrorKind.Corrupt, "box/diff"),
        new(driver, "the work directory is a file", h => MakeFile(h, "box/work"), Get, ErrorKind.Corrupt, "box/work"),
        new(driver, "the mount point is a file", h => MakeFile(h, "box/merged"), Get, ErrorKind.Corrupt, "box/merged"),
        new(driver, "lower is no list", h => Write(h, "box/lower", "garbage"), Get, ErrorKind.Corrupt, "box/lower", "load its image again"),
        new(driver, "lower is empty", h => Write(h, "box/lower", ""), Get, ErrorKind.Corrupt, "box/lower", "load its image again"),
        new(driver, "lower leads outside", h => Write(h, "box/lower", "l/../../etc:x"), Get, ErrorKind.Corrupt, "box/lower", "load its image again"),
        new(driver, "lower is a directory", h => MakeDirectory(h, "box/lower"), Get, ErrorKind.Corrupt, "box/lower", "load its image again"),
        new(driver, "lower names a layer that is not there", h => Write(h, "box/lower", "l/ABCDEFGHIJKLMNOPQRSTUVWXYZ"), Get, ErrorKind.Corrupt, "ABCDEFGHIJKLMNOPQRSTUVWXYZ", "strata check --repair"),
        new(driver, "a short name is gone", h => File.Delete(ShortName(h)), Get, ErrorKind.Corrupt, "strata check --repair"),
        new(driver, "a short name leads outside", h => MakeLink(h, Path.GetRelativePath(h, ShortName(h)), "/etc"), Get, ErrorKind.Corrupt, "strata check --repair"),
        new(driver, "a short name is a file", h => MakeFile(h, Path.GetRelativePath(h, ShortName(h))), Get, ErrorKind.Corrupt, "strata check --repair"),
        new(driver, "link is no short name", h => Write(h, "base/link", "../../../etc"), Create, ErrorKind.Corrupt, "base/link", "load its image again"),
        new(driver, "link is empty", h => Write(h, "base/link", ""), Create, ErrorKind.Corrupt, "base/link", "load its image again"),
        new(driver, "link is a directory", h => MakeDirectory(h, "base/link"), Create, ErrorKind.Corrupt, "base/link", "load its image again"),
    ];

    /// <summary>What lies in a home beside layers.</summary>
    private static IEnumerable<Damage> Homes(string driver, string? directory = null)
    {
        yield return new(driver, "the home is a file", h => { Directory.Move(h, h + ".kept"); File.WriteAllText(h, "x"); }, (_, rig) => rig.Open(), ErrorKind.Corrupt, "/home", "is not a directory")
        {
            Mend = h => { File.Delete(h); Directory.Move(h + ".kept", h); },
        };
        yield return new(driver, ".tmp is a file", h => MakeFile(h, ".tmp"), Create, ErrorKind.Corrupt, "/.tmp") { Mend = h => File.Delete(h + "/.tmp") };
        yield return new(driver, ".trash is a file", h => MakeFile(h, ".trash"), Remove, ErrorKind.Corrupt, "/.trash") { Mend = h => File.Delete(h + "/.trash") };
        if (directory is null)
            yield break;
        yield return new(driver, directory + " is a file", h => { Directory.Move($"{h}/{directory}", $"{h}/{directory}.kept"); File.WriteAllText($"{h}/{directory}", "x"); }, Get, ErrorKind.Corrupt, "/" + directory)
        {
            Mend = h => { File.Delete($"{h}/{directory}"); Directory.Move($"{h}/{directory}.kept", $"{h}/{directory}"); },
        };
    }

    private static string ShortName(string home) => Path.Combine(home, "l", File.ReadAllText(Path.Combine(home, "base/link")));

    private static void Write(string home, string name, string text)
    {
        File.Delete(Path.Combine(home, name)); // others may share it by hard links
        File.WriteAllText(Path.Combine(home, name), text);
    }

    private static void MakeFile(string home, string name)
    {
        Trees.TreeRemover.Remove(Path.Combine(home, name));
        File.WriteAllText(Path.Combine(home, name), "a file");
    }

    private static void MakeDirectory(string home, string name)
    {
        Trees.TreeRemover.Remove(Path.Combine(home, name));
        Directory.CreateDirectory(Path.Combine(home, name));
    }

    private static void MakeLink(string home, string name, string target)
    {
        Trees.TreeRemover.Remove(Path.Combine(home, name));
        File.CreateSymbolicLink(Path.Combine(home, name), target);
    }

    private static void Cut(string home, string name, int? lessBytes = null)
    {
        using var file = new FileStream(Path.Combine(home, name), FileMode.Open);
        file.SetLength(lessBytes is { } less ? file.Length - less : 700);
    }

    private static void ReplaceSubvolume(string home, string name, Action<string> instead)
    {
        string path = Path.Combine(home, name);
        Commands.Run("btrfs", "property", "set", path, "ro", "false");
        Commands.Run("btrfs", "subvolume", "delete", path);
        instead(path);
    }

    /// <param name="Driver">The driver.</param>
    /// <param name="Name">What is wrong.</param>
    /// <param name="Do">Damages a home.</param>
    /// <param name="Try">What is tried then, by a driver that is opened anew.</param>
    /// <param name="Kind">The error; null: whatever it is, it is one of ours, or none.</param>
    /// <param name="Says">What its message names.</param>
    private sealed record Damage(string Driver, string Name, Action<string> Do, Action<IDriver, Rig> Try, ErrorKind? Kind, params string[] Says)
    {
        /// <summary>Gives back what no driver can mend.</summary>
        public Action<string>? Mend { get; init; }
    }
}
