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
