using System.Diagnostics;
using Strata.Testing;

namespace Strata.EndToEnd.Tests;

/// <summary>As an ordinary user who has IDs to map: in user namespaces that strata makes for itself. And mapped owners, as root.</summary>
public sealed class RootlessTests
{
    /// <summary>A user of every Debian system whom nothing else here uses; for the test he has IDs.</summary>
    private const string User = "irc";
    private static readonly string[] Files = ["/etc/subuid", "/etc/subgid"];

    [Fact]
    public void The_main_job_works_without_root()
    {
        using var scratch = new ScratchDirectory();
        File.SetUnixFileMode(scratch.Path, (UnixFileMode)0x1FF);
        string file = Image(scratch);
        string home = scratch.Make("home");
        Commands.Run("chown", $"{User}:", home);
        using var ids = new SubordinateIds();

        string info = Run(home, 0, "info");
        Assert.Contains("in a user namespace of its own, with 65537 IDs", info, StringComparison.Ordinal);
        Assert.Contains("would choose: overlay", info, StringComparison.Ordinal);
        Run(home, 0, "import", file, "-t", "img:1");
        Run(home, 0, "create", "box", "--from", "img:1");
        Assert.Equal(
            "0\n1000:1001\nhi\n",
            Run(home, 7, "run-in", "box", "--", "sh", "-c", "id -u; stat -c %u:%g owned; cat /etc/motd; echo new > /etc/new; chown 5:6 /etc/new; rm /etc/motd; exit 7"));
        Assert.Contains("nosuch", Run(home, 127, "run-in", "box", "--", "nosuch"), StringComparison.Ordinal);
        Assert.Contains("strata unshare", Run(home, 5, "mount", "box"), StringComparison.Ordinal);
        Assert.Equal("C /etc\nD /etc/motd\nA /etc/new\n", Run(home, 0, "changes", "box"));
        Run(home, 0, "commit", "box", "-t", "img:2");
        Run(home, 0, "diff", "box", "-o", Path.Combine(home, "diff.tar"));
        Assert.Contains("5/6", Commands.Run("tar", "--numeric-owner", "-tvf", Path.Combine(home, "diff.tar")), StringComparison.Ordinal);
        // Devices, which nobody makes in a user namespace, come back as they were.
        Run(home, 0, "export", "box", "-o", Path.Combine(home, "all.tar"));
        Assert.Contains("crw-r--r-- 0/0", Commands.Run("tar", "--numeric-owner", "-tvf", Path.Combine(home, "all.tar")), StringComparison.Ordinal);
        Assert.Equal(
            $"0\n{home}\nnew\n",
            Run(home, 0, "unshare", "--", "sh", "-c", $"id -u; pwd; ls $('{Cli.Program}' mount box)/etc; '{Cli.Program}' umount box"));
        // On disk the files belong to the user's IDs.
        string store = Path.Combine(home, ".local/share/strata/overlay");
        Assert.Contains("700999:701000", Commands.Run("find", store, "-name", "owned", "-printf", "%U:%G"), StringComparison.Ordinal);
        Assert.Empty(Mounts.AtOrBelow(scratch.Path));
        Run(home, 0, "rm", "box", "img:1", "img:2");
    }

    [Fact]
    public void The_demo_shows_the_main_job_without_root()
    {
        using var scratch = new ScratchDirectory();
        File.SetUnixFileMode(scratch.Path, (UnixFileMode)0x1FF);
        string file = Image(scratch), clone = scratch.Make("clone"), tools = ToolsOf();
        // A clone in which all is built, and the image is there.
        foreach (string directory in new[] { "tools", "artifacts/bin", "artifacts/demo" })
            Directory.CreateDirectory(Path.Combine(clone, directory));
        foreach (string script in new[] { "demo.sh", "common.sh", "make-image.sh" })
            File.Copy(Path.Combine(tools, script), Path.Combine(clone, "tools", script));
        foreach (string program in new[] { "strata", "artifacts/bin/strata" })
            File.CreateSymbolicLink(Path.Combine(clone, program), Cli.Program);
        Commands.Run("chown", "-R", $"{User}:", clone);
        using var ids = new SubordinateIds();
        Run(clone, 0, "--root", Path.Combine(clone, "first"), "import", file, "-t", "demo/debian:latest");
        Run(clone, 0, "--root", Path.Combine(clone, "first"), "save", "demo/debian", "-o", Path.Combine(clone, "artifacts/demo/debian.tar"));
        string shown = RunAs(User, User, clone, 0, Path.Combine(clone, "tools/demo.sh"));
        foreach (string line in new[] { "driver: overlay", "C /etc/motd", "D /opt/one", "A /srv/data", "Committed demo/changed:latest", "opt/.wh.one", "Removed box" })
            Assert.Contains(line, shown, StringComparison.Ordinal);
        Assert.Empty(Mounts.AtOrBelow(scratch.Path));
        Run(clone, 0, "--root", Path.Combine(clone, "artifacts/demo/store"), "rm", "demo/changed", "demo/debian");
    }

    [Fact]
    public void What_is_missing_is_told()
    {
        using var scratch = new ScratchDirectory();
        File.SetUnixFileMode(scratch.Path, (UnixFileMode)0x1FF);
        string home = scratch.Make("home");
        Commands.Run("chown", "nobody:", home);
        Assert.Contains("/etc/subuid has no IDs for 'nobody'", Run(home, 0, "nobody", "info"), StringComparison.Ordinal);
        Run(home, 0, "nobody", "create", "box");
        Assert.Contains("/etc/subuid", Run(home, 7, "nobody", "run-in", "box", "--", "true"), StringComparison.Ordinal);
        Assert.Contains("switched off (STRATA_NAMESPACE=off)", RunAs("nobody", "nogroup", home, 7, "env", "STRATA_NAMESPACE=off", Cli.Program, "run-in", "box", "--", "true"), StringComparison.Ordinal);
        // One ID is better than none: whoever wants a namespace gets it, and the store of outside is not mistaken there.
        Assert.Equal("0\n", Run(home, 0, "nobody", "unshare", "--", "id", "-u"));
        Assert.Contains("extended attributes", Run(home, 5, "nobody", "unshare", "--", Cli.Program, "images"), StringComparison.Ordinal);
    }

    [Fact]
    public void Mapped_owners_are_seen_mounted_and_are_in_no_diff()
    {
        using var cli = new Cli("overlay");
        cli.Run("import", Image(cli.Scratch), "-t", "img:1");
        cli.Run("create", "box", "--from", "img:1", "--init", "--uid-map", "0:100000:65536");
        string root = cli.Run("mount", "box").Trim();
        Assert.Equal("101000:101001\n", Commands.Run("stat", "-c", "%u:%g", Path.Combine(root, "owned")));
        Commands.Run("sh", "-c", $"echo new > '{root}/new'; chown 100005:100006 '{root}/new'");
        Assert.Contains("0:100000:65536/0:100000:65536", cli.Run("status"), StringComparison.Ordinal);
        cli.Run("umount", "box");
        Assert.Equal("A /new\n", cli.Run("changes", "box"));
        Assert.Contains("5/6", cli.Shell("strata diff box | tar --numeric-owner -tvf -"), StringComparison.Ordinal);
        foreach (var (option, value) in ((string, string)[])[("--uid-map", "0:1:0"), ("--gid-map", "1:1:1"), ("--uid-map", "x"), ("--uid-map", "0:0:4294967296")])
            cli.Fail(2, "create", "other", "--from", "img:1", option, value);
        Assert.Contains("/etc/subuid has no IDs", cli.Fail(3, "create", "other", "--subuid-name", "nosuchname"), StringComparison.Ordinal);
        Assert.Equal("hi\n", Commands.Run(Cli.Program, "--root", cli.Root, "run-in", "box", "--", "cat", "/etc/motd"));
        cli.Run("rm", "box");
    }

    private static string Image(ScratchDirectory scratch)
    {
        string tar = scratch["rootfs.tar"], root = scratch.Make("rootfs");
        Commands.Run("sh", "-euc", $$"""
            cd '{{root}}'; chmod 755 .; mkdir bin etc proc dev opt; echo one > opt/one; cp "$(command -v busybox)" bin/busybox
            for a in sh id stat cat chown rm; do ln -s busybox bin/$a; done
            echo hi > etc/motd; mknod -m 644 null c 1 3; echo x > owned; chown 1000:1001 owned; tar -cf '{{tar}}' .; chmod 644 '{{tar}}'
            """);
        return tar;
    }

    /// <summary>From artifacts/bin/Strata.EndToEnd.Tests/debug up.</summary>
    private static string ToolsOf()
    {
        string directory = AppContext.BaseDirectory;
        while (!File.Exists(Path.Combine(directory, "tools/demo.sh")))
            directory = Path.GetDirectoryName(directory) ?? throw new InvalidOperationException("tools/demo.sh was not found");
        return Path.Combine(directory, "tools");
    }

    private static string Run(string home, int exitCode, params string[] arguments) =>
        arguments[0] == "nobody" ? RunAs("nobody", "nogroup", home, exitCode, [Cli.Program, .. arguments[1..]]) : RunAs(User, User, home, exitCode, [Cli.Program, .. arguments]);

    private static string RunAs(string user, string group, string home, int exitCode, params string[] command)
    {
        var info = new ProcessStartInfo("setpriv", ["--reuid", user, "--regid", group, "--clear-groups", .. command])
        {
            RedirectStandardOutput = true, RedirectStandardError = true, WorkingDirectory = home,
        };
        foreach (string name in new[] { "STRATA_ROOT", "STRATA_DRIVER", "STRATA_NAMESPACE", "XDG_DATA_HOME" })
            info.Environment.Remove(name);
        info.Environment["HOME"] = home;
        using var process = Process.Start(info)!;
        var (code, output, error) = Cli.Wait(process);
        Assert.True(code == exitCode, $"{string.Join(' ', command)}: {code}\n{output}{error}");
        return exitCode is 0 or 7 && output.Length > 0 ? output : error;
    }

    /// <summary>Gives the user IDs, as an administrator would, and takes them back.</summary>
    private sealed class SubordinateIds : IDisposable
    {
        private const string Line = User + ":700000:65536\n";

        internal SubordinateIds()
        {
            Dispose(); // left by a test that was killed
            foreach (string file in Files)
                File.AppendAllText(file, Line);
        }

        public void Dispose()
        {
            foreach (string file in Files.Where(File.Exists))
            {
                string text = File.ReadAllText(file);
                if (text.Contains(Line, StringComparison.Ordinal))
                    File.WriteAllText(file, text.Replace(Line, "", StringComparison.Ordinal));
            }
        }
    }
}
