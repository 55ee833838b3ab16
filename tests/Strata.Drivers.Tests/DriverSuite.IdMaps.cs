using Strata.Testing;
using Strata.Trees;

namespace Strata.Drivers.Tests;

/// <content>Owners mapped for a user namespace: by whom files seem to be, what changed, and that nothing of it is in a layer.</content>
public abstract partial class DriverSuite
{
    private const string Act = """
        set -eu
        echo changed > d/two; echo new > added; chown 3:4 added; mkdir nd; chown 5:6 nd; rm gone; rm -r e; mkdir e; ln -s t s; chown -h 7:8 s
        chmod 600 attributed; setfacl -m u:1000:r attributed; setcap cap_net_raw+ep tool; ln f hard; chown 9:9 owned
        touch -h -d @1500000000 d/two added s attributed tool owned nd e d .
        """;

    private static readonly IdMapping Mapping = IdMapping.Create([new IdRange(0, 100000, 5000), new IdRange(5000, 300000, 5000)], [new IdRange(0, 200000, 65536)]);

    [Fact]
    public void A_mapped_layer_shows_other_owners_and_tells_the_same_changes()
    {
        if (Rig.Kind is not ("overlay" or "vfs" or "btrfs" or "erofs" or "naive"))
            return;
        CompareMapped(copies: false);
        if (FileSystem.Type is not ("ext4" or "btrfs"))
            return;
        IdMappedMounts.UseNone(true);
        try
        {
            if (Rig.Kind == "btrfs")
                Assert.Contains("btrfs", Fails(ErrorKind.NotSupported, () => Driver.CreateReadWrite(Id("copied"), null, new CreateOptions { IdMapping = Mapping })).Message, StringComparison.Ordinal);
            else
                CompareMapped(copies: true);
        }
        finally
        {
            IdMappedMounts.UseNone(false);
        }
    }

    [Fact]
    public void Mappings_that_make_no_sense_are_refused()
    {
        var parent = Rig.Apply("base", null, new TarBuilder().Dir("d"));
        foreach (IdRange[] wrong in (IdRange[][])[
            [], [new(0, 1000, 0)], [new(1, 1000, 10)], [new(0, 1000, 10), new(5, 3000, 10)], [new(0, 1000, 10), new(20, 1005, 10)], [new(0, uint.MaxValue - 5L, 10)],
            [new(0, 1000, long.MaxValue)], [new(0, -1, 5)], [.. Enumerable.Range(0, 341).Select(i => new IdRange(i, 1000 + i, 1))]])
        {
            Fails(ErrorKind.InvalidArgument, () => Driver.CreateReadWrite(Id("box"), parent, new CreateOptions { IdMapping = new IdMapping(wrong, Mapping.Groups) }));
            Fails(ErrorKind.InvalidArgument, () => Driver.CreateReadWrite(Id("box"), parent, new CreateOptions { IdMapping = new IdMapping(Mapping.Users, wrong) }));
        }
        Assert.False(Driver.Exists(Id("box")));
        Assert.Null(Driver.FindIdMapping(Id("box")));
    }

    [Fact]
    public void What_lies_on_a_mapped_layer_has_its_mapping()
    {
        var parent = Rig.Apply("base", null, new TarBuilder().Dir("./", 0x1ED).File("f", "f", uid: 5, gid: 6));
        Driver.CreateReadWrite(Id("init"), parent, new CreateOptions { IdMapping = Mapping });
        Inside("init", "mkdir -p made; echo i > made/by-init; touch -d @1500000000 made/by-init made .");
        Fails(ErrorKind.InvalidArgument, () => Driver.CreateReadWrite(Id("box"), Id("init"), new CreateOptions { IdMapping = IdMapping.Create([new IdRange(0, 7, 9)], [new IdRange(0, 7, 9)]) }));
        Driver.CreateReadWrite(Id("box"), Id("init"));
        Assert.Equal(Mapping, Driver.FindIdMapping(Id("box")));
        Inside("box", "echo b >> made/by-init; echo c > mine; touch -d @1500000000 made/by-init mine made .");
        Assert.Equal(["C /made", "C /made/by-init", "A /mine"], Rig.Changes(Id("box"), Id("init")).Order(StringComparer.Ordinal).OrderBy(c => c[2..], StringComparer.Ordinal));
        Assert.Equal("100000:200000 100005:200006 100000:200000", Rig.Use(Id("box"), root => Commands.Run("stat", "-c", "%u:%g", root, root + "/f", root + "/mine").Trim().ReplaceLineEndings(" ")));
        Assert.DoesNotContain("100000", System.Text.Encoding.Latin1.GetString(Rig.Diff(Id("box"), null)), StringComparison.Ordinal);

        // A tar that is applied to a mapped layer has the owners inside.
        Driver.CreateReadWrite(Id("applied"), parent, new CreateOptions { IdMapping = Mapping });
        Driver.ApplyDiff(Id("applied"), parent, new TarBuilder().File("new", "n", uid: 1, gid: 2).ToStream());
        Assert.Equal("100001:200002", Rig.Use(Id("applied"), root => Commands.Run("stat", "-c", "%u:%g", root + "/new").Trim()));
        if (Rig.Kind is not ("vfs" or "btrfs")) // which keep the owners of layers, and show what has no place as nobody's
            Fails(ErrorKind.InvalidArgument, () => Driver.ApplyDiff(Id("applied"), parent, new TarBuilder().File("far", "n", uid: 70000).ToStream()));
        foreach (string id in (string[])["applied", "box", "init"])
            Driver.Remove(Id(id));
        Assert.Empty(Directory.GetFiles(Path.Combine(Rig.Home, ".idmaps")));
    }

    [Fact]
    public void A_copy_with_other_owners_can_be_cancelled()
    {
        if (Rig.Kind == "btrfs" || FileSystem.Type != "ext4")
            return;
        var parent = Rig.Apply("base", null, new TarBuilder().File("one", new string('x', 5000)).File("two", new string('y', 5000)));
        using var cancellation = new CancellationTokenSource();
        long copied = 0;
        var options = new CreateOptions { IdMapping = Mapping, Cancellation = cancellation.Token, Progress = new Told(report => { copied = report.DoneBytes; cancellation.Cancel(); }) };
        IdMappedMounts.UseNone(true);
        try
        {
            Assert.ThrowsAny<OperationCanceledException>(() => Driver.CreateReadWrite(Id("box"), parent, options));
        }
        finally
        {
            IdMappedMounts.UseNone(false);
        }
        Assert.Equal(5000, copied);
        Assert.False(Driver.Exists(Id("box")));
        Assert.Null(Driver.FindIdMapping(Id("box")));
        Assert.Empty(Directory.GetFileSystemEntries(Path.Combine(Rig.Home, ".tmp")));
    }

    /// <summary>Does the same in a mapped layer, as root of its user namespace, and in a plain one as root.</summary>
    private void CompareMapped(bool copies)
    {
        string suffix = copies ? "-copied" : "";
        byte[] access = Convert.FromHexString("0200000001000600ffffffff02000400e803000004000400ffffffff10000600ffffffff20000400ffffffff");
        byte[] capability = Convert.FromHexString("0100000200040000000000000000000000000000");
        var parent = Rig.Apply("base" + suffix, null, new TarBuilder()
            .Dir("./", 0x1ED).Dir("d").File("d/one", "1", uid: 5, gid: 7).File("d/two", "2", uid: 5001).Dir("e").File("e/x", "x").File("f", "f").File("gone", "g").File("attributed", "a")
            .File("tool", "t", 0x1ED).Xattr("security.capability", capability).File("capable", "c", 0x1ED).Xattr("system.posix_acl_access", access).File("listed", "l", 0x1B4)
            .File("owned", "o", uid: 1).Symlink("link", "f"));
        var (plain, mapped) = (Id("plain" + suffix), Id("mapped" + suffix));
        Driver.CreateReadWrite(plain, parent);
        Driver.CreateReadWrite(mapped, parent, new CreateOptions { IdMapping = Mapping });
        Assert.Equal(Mapping, Rig.Open().FindIdMapping(mapped));
        Assert.Equal(
            "100000:200000 100005:200007 300001:200000 100001:200000",
            Rig.Use(mapped, root => Commands.Run("stat", "-c", "%u:%g", root, root + "/d/one", root + "/d/two", root + "/owned").Trim().ReplaceLineEndings(" ")));
        Assert.Empty(Rig.Changes(mapped, parent));
        Assert.Equal(Rig.Diff(plain, null), Rig.Diff(mapped, null));

        Assert.Contains("user:1000:r--", Inside(mapped.ToString(), "getfacl -n listed; getcap capable"), StringComparison.Ordinal);
        Rig.Use(plain, root => Commands.Run("sh", "-c", $"cd '{root}'; {Act}"));
        Inside(mapped.ToString(), Act);
        Assert.Equal(Rig.Changes(plain, parent), Rig.Changes(mapped, parent));
        Assert.Equal(Rig.DiffOfTrees(plain, parent), Rig.Diff(mapped, parent));
        Assert.Equal(Driver.DiffSize(plain, parent), Driver.DiffSize(mapped, parent));
        Assert.Equal(Rig.Diff(plain, null), Rig.Diff(mapped, null));
        Assert.Equal("100003:200004", Rig.Use(mapped, root => Commands.Run("stat", "-c", "%u:%g", root + "/added").Trim()));
        if (copies)
            Assert.Equal(Rig.Kind != "vfs", Directory.Exists(Path.Combine(Rig.Home, ".shifted")));
        foreach (var id in (LayerId[])[mapped, plain, parent])
            Driver.Remove(id);
        Assert.False(Directory.Exists(Path.Combine(Rig.Home, ".shifted")) && Directory.EnumerateFileSystemEntries(Path.Combine(Rig.Home, ".shifted")).Any());
    }

    /// <summary>Runs a script as root of the mapping's user namespace.</summary>
    private string Inside(string id, string script) => Rig.Use(Id(id), root =>
    {
        string name = $"/proc/{Environment.ProcessId}/fd/{UserNamespaces.Of(Mapping).Number}";
        return Commands.Run("sh", "-c", $"cd '{root}' && exec nsenter --user={name} sh -c '{script.Replace("'", "'\\''", StringComparison.Ordinal)}'");
    });

    private sealed class Told(Action<ProgressReport> tell) : IProgress<ProgressReport>
    {
        public void Report(ProgressReport value) => tell(value);
    }
}
