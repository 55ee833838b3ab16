using System.Diagnostics;
using Strata.Testing;

namespace Strata.Daemon.Tests.Api;

/// <summary>The command line, once on the store and once through its daemon: the same words.</summary>
public sealed class CommandLineTests
{
    private static string Strata { get; } =
        Environment.GetEnvironmentVariable("STRATA_TEST_PROGRAM") is { Length: > 0 } native
            ? native
            : Path.GetFullPath(Path.Combine(AppContext.BaseDirectory, "../../Strata.Cli", Path.GetFileName(Path.TrimEndingDirectorySeparator(AppContext.BaseDirectory)), "strata"));

    [Fact]
    public async Task Each_verb_prints_the_same_with_a_daemon_and_without()
    {
        await using var rig = await ApiRig.StartAsync("vfs");
        string image = new TestImage().Layer(new TarBuilder().Dir("etc").File("etc/a", "one"), "gzip").ToLayout("\"io.containerd.image.name\":\"localhost/test:1\"").WriteTar(rig.Scratch["image.tar"]);
        File.WriteAllBytes(rig.Scratch["layer.tar"], new TarBuilder().File("x", "y").ToArray());
        Assert.Contains("Loaded localhost/test:1", Run(rig, "load", image), StringComparison.Ordinal);
        Assert.Contains("Loaded localhost/test:1", Run(rig, "load", "-", "<", image), StringComparison.Ordinal);
        Run(rig, "create", "box", "--from", "localhost/test:1", "--init");
        File.WriteAllText(Path.Combine(Run(rig, "mount", "box").Trim(), "new"), "12345");
        string layer = Run(rig, "apply", rig.Scratch["layer.tar"]).Trim();
        Run(rig, "tag", "localhost/test:1", "localhost/test:2");

        foreach (string[] verb in (string[][])
        [
            ["images", "--json"], ["tree"], ["status", "--json"], ["changes", "box"], ["inspect", "localhost/test:1", "--raw", "config"], ["check"],
        ])
            Assert.Equal(Direct(rig, verb), Run(rig, verb));
        Assert.Contains("vfs: can serve", Run(rig, "info"), StringComparison.Ordinal);
        Assert.Equal(Direct(rig, "diff", "box", "|", "sha256sum"), Run(rig, "diff", "box", "|", "sha256sum"));
        Assert.Equal("", Run(rig, "save", "localhost/test:1", "-o", rig.Scratch["out.tar"]));
        Assert.True(new FileInfo(rig.Scratch["out.tar"]).Length > 1024);

        Assert.StartsWith("Committed localhost/test:3", Run(rig, "commit", "box", "-t", "localhost/test:3", "--env", "A=b"), StringComparison.Ordinal);
        Run(rig, "umount", "box");
        Assert.Equal($"Removed box\nRemoved layer {layer}\nRemoved the name localhost/test:1\n", Run(rig, "rm", "box", layer, "localhost/test:1"));
        Assert.StartsWith("Untagged localhost/test:3", Run(rig, "untag", "localhost/test:3"), StringComparison.Ordinal);
        Run(rig, "gc", "--unnamed-images");
        Assert.Single(rig.Store.ListImages());
    }

    [Fact]
    public async Task What_does_not_go_through_the_api_says_so_and_what_to_do()
    {
        await using var rig = await ApiRig.StartAsync("vfs");
        string api = $"--api-socket {rig.Socket}";
        foreach (var (code, line, said) in new[]
        {
            (7, $"{api} pull localhost/x", "strata pull --api-socket ''"), (7, $"{api} check --from /x", "--api-socket ''"), (3, $"{api} mount none", "none"),
            (2, $"{api} images --root /x", "--root"), (0, $"--api-socket '' images --root {rig.Scratch["other"]} --driver vfs", ""),
        })
        {
            var (exit, output) = Shell($"STRATA_API=/nowhere {Strata} {line}");
            Assert.True(said.Length == 0 ? exit == 0 : exit != 0, $"{line}: {exit} ({code}) {output}");
            Assert.Contains(said, output, StringComparison.Ordinal);
        }
        var (gone, text) = Shell($"STRATA_API={rig.Scratch["none.sock"]} {Strata} images");
        Assert.NotEqual(0, gone);
        Assert.Contains("No daemon serves at", text, StringComparison.Ordinal);
        Assert.Contains("there is no such socket", text, StringComparison.Ordinal);
    }

    private static string Run(ApiRig rig, params string[] verb) => Good($"STRATA_API={rig.Socket} {Strata} {string.Join(' ', verb)}");

    private static string Direct(ApiRig rig, params string[] verb)
    {
        int pipe = Array.IndexOf(verb, "|");
        string[] own = pipe < 0 ? verb : verb[..pipe];
        return Good($"{Strata} --root {rig.Scratch["store"]} {string.Join(' ', own)} {(pipe < 0 ? "" : string.Join(' ', verb[pipe..]))}");
    }

    private static string Good(string line)
    {
        var (code, output) = Shell(line);
        Assert.True(code == 0, $"{line}: {code}\n{output}");
        return output;
    }

    private static (int Code, string Output) Shell(string line)
    {
        var info = new ProcessStartInfo("bash", ["-c", $"set -o pipefail; unset STRATA_ROOT STRATA_DRIVER; {line} 2>&1"]) { RedirectStandardOutput = true };
        using var process = Process.Start(info)!;
        string output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return (process.ExitCode, output);
    }
}
