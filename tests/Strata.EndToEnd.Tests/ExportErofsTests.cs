using Strata.Testing;

namespace Strata.EndToEnd.Tests;

/// <summary><c>strata export --erofs</c>: one file that a kernel mounts, the same as the root file system.</summary>
public sealed class ExportErofsTests
{
    [Theory, InlineData("overlay"), InlineData("vfs"), InlineData("erofs")]
    public void The_file_is_the_root_file_system(string driver)
    {
        using var cli = new Cli(driver);
        cli.Run("load", cli.Layout(Cli.Image()));
        cli.Run("create", "box", "--from", "test:1");
        string root = cli.Run("mount", "box").TrimEnd('\n');
        Commands.Run("bash", "-euc", $"""
            cd '{root}'
            chmod 4755 etc/a; chown 7:70000 data; touch -d '1960-01-01 00:00:00.123456789' etc/c
            echo new > data/new; ln data/new data/second; ln data/new etc/third; ln -s ../etc/a data/link; mknod data/null c 1 3; mkfifo data/fifo
            setfattr -n user.x -v 1 etc/a; setfattr -n trusted.y -v 2 data; setfattr -n user.x -v 1 data/file0; chmod 640 data/file1; setfacl -m u:77:r data/file1 # a lower file of EROFS takes an ACL only once it was copied up
            truncate -s 50M data/sparse; printf end >> data/sparse
            head -c 5000000 /dev/urandom > data/large
            mkdir many; cd many; seq 1 3000 | xargs touch
            rm ../data/file2
            """);
        string expected = TreeDump.Of(root);
        Assert.Equal("", cli.Run("export", "box", "--erofs", "-o", cli.Scratch["box.erofs"]));
        cli.Run("umount", "box");
        Assert.InRange(new FileInfo(cli.Scratch["box.erofs"]).Length, 5_000_000, 7_000_000);
        Assert.Equal(expected, Mounted(cli, "box.erofs"));
        Commands.Run("fsck.erofs", "--extract", cli.Scratch["box.erofs"]);

        cli.Shell("strata export box --erofs -o again.erofs && cmp box.erofs again.erofs");
        cli.Shell("strata commit box -t new && strata export new --erofs -o new.erofs"); // other bytes: a layer's tar fills holes
        Assert.Equal(WithoutRoot(expected), WithoutRoot(Mounted(cli, "new.erofs")));
        cli.Run("export", "test:1", "--erofs", "-o", cli.Scratch["image.erofs"]);
        Mounted(cli, "image.erofs");
        cli.Shell("strata export test:1 | tar -t | sed 's,/$,,; /^\\.$/d' | sort > tar.list; (cd image.erofs.at && find . -mindepth 1 -printf '%P\\n') | sort | diff tar.list -");
    }

    [Fact]
    public void It_goes_to_a_file_and_nowhere_else()
    {
        using var cli = new Cli("vfs");
        cli.Run("load", cli.Layout(Cli.Image()));
        Assert.Contains("-o FILE", cli.Fail(2, "export", "test:1", "--erofs"), StringComparison.Ordinal);
        Assert.Contains("-o FILE", cli.Fail(2, "export", "test:1", "--erofs", "-o", "-"), StringComparison.Ordinal);
        Commands.Run("mkfifo", cli.Scratch["pipe"]);
        Assert.Contains("no regular file", cli.Fail(2, "export", "test:1", "--erofs", "-o", cli.Scratch["pipe"]), StringComparison.Ordinal);
        File.WriteAllText(cli.Scratch["old"], "old");
        cli.Fail(3, "export", "nothing", "--erofs", "-o", cli.Scratch["old"]);
        Assert.Equal("old", File.ReadAllText(cli.Scratch["old"]));
        File.CreateSymbolicLink(cli.Scratch["link"], cli.Scratch["old"]);
        cli.Run("export", "test:1", "--erofs", "-o", cli.Scratch["link"]);
        File.WriteAllText(cli.Scratch["empty"], "");
        cli.Run("export", "test:1", "--erofs", "-o", cli.Scratch["empty"]);
        Assert.Equal(File.ReadAllBytes(cli.Scratch["empty"]), File.ReadAllBytes(cli.Scratch["old"]));
        Assert.Empty(Directory.GetFiles(cli.Scratch.Path, "*.partial"));
    }

    /// <summary>The root's own time is no change that a commit takes up.</summary>
    private static string WithoutRoot(string dump) => dump[dump.IndexOf('\n', StringComparison.Ordinal)..];

    private static string Mounted(Cli cli, string image)
    {
        string at = cli.Scratch.Make(image + ".at");
        Commands.Run("mount", "-t", "erofs", "-o", "ro,loop", cli.Scratch[image], at);
        return TreeDump.Of(at);
    }
}
