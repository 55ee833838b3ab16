using System.Diagnostics;
using Strata.Testing;

namespace Strata.EndToEnd.Tests;

/// <summary>As the user nobody, without any privilege.</summary>
public sealed class UnprivilegedTests
{
    [Fact]
    public void All_that_needs_no_mount_works_on_vfs()
    {
        using var scratch = new ScratchDirectory();
        File.SetUnixFileMode(scratch.Path, (UnixFileMode)0x1FF);
        string file = Cli.Image().ToLayout("\"io.containerd.image.name\":\"test:1\"").WriteTar(scratch["image.tar"]);
        string home = scratch.Make("home");
        Commands.Run("chown", "65534:65534", home);

        Run(home, 0, "load", file);
        Assert.Contains("driver: vfs", Run(home, 0, "status"), StringComparison.Ordinal);
        Assert.True(Directory.Exists(Path.Combine(home, ".local/share/strata")));
        Run(home, 0, "create", "box", "--from", "test:1");
        string root = Run(home, 0, "mount", "box").Trim();
        Assert.Equal("one", File.ReadAllText(Path.Combine(root, "etc/a")));
        Run(home, 0, "umount", "box");
        Commands.Run("setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups", "sh", "-c", $"echo new > {root}/etc/new && rm {root}/etc/c");
        Assert.Equal("C /etc\nD /etc/c\nA /etc/new\n", Run(home, 0, "changes", "box"));
        Run(home, 0, "diff", "box", "-o", Path.Combine(home, "diff.tar"));
        // Nobody's files are root's in the layer, as they would be had root made them in a container.
        Assert.Contains("etc/.wh.c", Commands.Run("tar", "-tf", Path.Combine(home, "diff.tar")), StringComparison.Ordinal);
        Run(home, 0, "commit", "box", "-t", "new");
        Run(home, 0, "save", "new", "-o", Path.Combine(home, "new.tar"));
        using (var cli = new Cli("overlay"))
        {
            cli.Run("load", Path.Combine(home, "new.tar"));
            Assert.Equal("new\n", cli.Shell("strata export new | tar -xO etc/new"));
        }
        Run(home, 0, "rm", "box", "new", "test:1");
    }

    [Fact]
    public void Erofs_layers_that_can_not_be_mounted_can_be_saved_and_unpacked_elsewhere()
    {
        using var scratch = new ScratchDirectory();
        File.SetUnixFileMode(scratch.Path, (UnixFileMode)0x1FF);
        string file = Cli.Image().ToLayout("\"io.containerd.image.name\":\"test:1\"").WriteTar(scratch["image.tar"]);
        string home = scratch.Make("home");
        using (var cli = new Cli("erofs") { Root = Path.Combine(home, "store") })
        {
            cli.Run("load", file);
            cli.Run("create", "box", "--from", "test:1");
        }
        Commands.Run("chown", "-R", "65534:65534", home);
        string store = Path.Combine(home, "store");
        Assert.Contains("test:1", Run(home, 0, "images", "--root", store), StringComparison.Ordinal);
        Assert.Contains("all is as it should be", Run(home, 0, "check", "--deep", "--root", store), StringComparison.Ordinal);
        Assert.Contains("strata save", Run(home, 6, "mount", "box", "--root", store), StringComparison.Ordinal);
        Run(home, 0, "save", "test:1", "-o", Path.Combine(home, "saved.tar"), "--root", store);
        Run(home, 0, "load", Path.Combine(home, "saved.tar"), "--root", Path.Combine(home, "other"), "--driver", "vfs");
        Assert.Contains("test:1", Run(home, 0, "images", "--root", Path.Combine(home, "other")), StringComparison.Ordinal);
    }

    [Fact]
    public void Overlay_says_what_is_missing()
    {
        using var scratch = new ScratchDirectory();
        File.SetUnixFileMode(scratch.Path, (UnixFileMode)0x1FF);
        string home = scratch.Make("home");
        Commands.Run("chown", "65534:65534", home);
        Assert.Contains("root", Run(home, 6, "images", "--driver", "overlay"), StringComparison.Ordinal);
        string info = Run(home, 0, "info");
        Assert.Contains("privileged: no", info, StringComparison.Ordinal);
        Assert.Contains("would choose: vfs", info, StringComparison.Ordinal);
        Assert.Contains("--root", Run(home, 7, "images", "--root", "/root/strata-never"), StringComparison.Ordinal);
        Assert.False(Directory.Exists("/root/strata-never"));
    }

    [Fact]
    public void Overlay_serves_in_a_user_namespace()
    {
        using var scratch = new ScratchDirectory();
        File.SetUnixFileMode(scratch.Path, (UnixFileMode)0x1FF);
        string file = Cli.Image().ToLayout("\"io.containerd.image.name\":\"test:1\"").WriteTar(scratch["image.tar"]);
        string home = scratch.Make("home");
        Commands.Run("chown", "65534:65534", home);
        string output = Commands.Run("setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups", "unshare", "-Urm", "env", "HOME=" + home, "bash", "-euc", $$"""
            strata() { '{{Cli.Program}}' "$@" --root '{{home}}/store'; }
            strata load '{{file}}' >&2
            strata status | grep driver
            strata create box --from test:1 >&2
            root=$(strata mount box)
            cat "$root/etc/a"; echo
            echo new > "$root/etc/new"; rm "$root/etc/c"; rm -r "$root/data"; mkdir "$root/data"; echo x > "$root/data/x"
            strata umount box
            strata changes box
            strata diff box | tar -t
            strata commit box -t localhost/again:1 >&2
            strata rm box >&2
            strata create other --from localhost/again:1 >&2
            root=$(strata mount other); ls "$root/etc" "$root/data"; strata umount other; strata rm other localhost/again:1 test:1 >&2
            strata layers
            """);
        Assert.Equal(
            "driver: overlay\none\nC /data\nD /data/file0\nD /data/file1\nD /data/file2\nA /data/x\nC /etc\nD /etc/c\nA /etc/new\n",
            output[..output.IndexOf("data/\n", StringComparison.Ordinal)]);
        Assert.Contains("/etc:\na\nnew\n", output, StringComparison.Ordinal);
        Assert.Contains("/data:\nx\n", output, StringComparison.Ordinal);
        // Nothing of it needed real privileges, or left any.
        Assert.DoesNotContain(" 0:0 ", TreeDump.Of(Path.Combine(home, "store")), StringComparison.Ordinal);
    }

    [Fact]
    public void An_owner_that_the_user_namespace_lacks_is_told()
    {
        using var scratch = new ScratchDirectory();
        File.SetUnixFileMode(scratch.Path, (UnixFileMode)0x1FF);
        string home = scratch.Make("home");
        Commands.Run("chown", "65534:65534", home);
        foreach (var (tar, code, word) in (ReadOnlySpan<(TarBuilder, int, string)>)
            [(new TarBuilder().File("f", "x", uid: 1000), 6, "1000:0"), (new TarBuilder().Dir("d", gid: 7), 6, "0:7")])
        {
            File.WriteAllBytes(scratch["layer.tar"], tar.ToArray());
            var (exit, _, error) = Commands.TryRun(
                "setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups", "unshare", "-Urm", "env", "HOME=" + home,
                Cli.Program, "--root", Path.Combine(home, "store"), "apply", scratch["layer.tar"]);
            Assert.Equal(code, exit);
            Assert.Contains("user namespace", error, StringComparison.Ordinal);
            Assert.Contains(word, error, StringComparison.Ordinal);
        }
    }

    private static string Run(string home, int exitCode, params string[] arguments)
    {
        var info = new ProcessStartInfo("setpriv", ["--reuid", "65534", "--regid", "65534", "--clear-groups", Cli.Program, .. arguments])
        {
            RedirectStandardOutput = true, RedirectStandardError = true, WorkingDirectory = home,
        };
        foreach (string name in new[] { "STRATA_ROOT", "STRATA_DRIVER", "XDG_DATA_HOME" })
            info.Environment.Remove(name);
        info.Environment["HOME"] = home;
        using var process = Process.Start(info)!;
        var (code, output, error) = Cli.Wait(process);
        Assert.True(code == exitCode, $"strata {string.Join(' ', arguments)}: {code}\n{output}{error}");
        return exitCode == 0 ? output : error;
    }
}
