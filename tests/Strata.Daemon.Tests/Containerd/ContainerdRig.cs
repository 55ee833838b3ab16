using System.Diagnostics;
using Strata.Testing;

namespace Strata.Daemon.Tests.Containerd;

/// <summary>containerd and stratad, each with a root, state and sockets of its own, both stopped by their process IDs.</summary>
internal sealed class ContainerdRig : IDisposable
{
    internal const string Image = "localhost/test:1";
    private readonly string[] _arguments;
    private DaemonProcess? _stratad;
    private DaemonProcess? _containerd;

    internal ContainerdRig(string driver, params string[] arguments)
    {
        (Driver, _arguments) = (driver, arguments);
        try
        {
            if (driver == "btrfs")
                Scratch.MountLoop("store", "btrfs", 512);
            File.WriteAllText(Scratch["config.toml"], $"""
                version = 2
                root = "{Scratch["root"]}"
                state = "{Scratch["state"]}"
                disabled_plugins = ["io.containerd.grpc.v1.cri", "io.containerd.snapshotter.v1.aufs", "io.containerd.snapshotter.v1.btrfs", "io.containerd.snapshotter.v1.devmapper", "io.containerd.snapshotter.v1.zfs", "io.containerd.internal.v1.opt"]
                [grpc]
                  address = "{Address}"
                [proxy_plugins.strata]
                  type = "snapshot"
                  address = "{Socket}"
                """);
            StartStratad();
            StartContainerd();
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    internal string Driver { get; }

    internal ScratchDirectory Scratch { get; } = new();

    /// <summary>Of its own: runc knows containers by their namespace and ID on the whole machine, whichever containerd they belong to.</summary>
    internal string Namespace { get; } = $"test-{Guid.NewGuid():N}";

    internal string Address => Scratch["c.sock"];

    internal string Socket => Scratch["s.sock"];

    internal static void Require()
    {
        Assert.SkipUnless(Environment.IsPrivilegedProcess, "containerd needs root");
        Assert.SkipWhen(Commands.TryRun("sh", "-c", "command -v containerd && command -v ctr && command -v runc").ExitCode != 0, "containerd and runc are not installed (Debian: containerd, runc)");
    }

    internal void StartStratad()
    {
        _stratad = new DaemonProcess(
            DaemonProcess.Stratad, ["serve", "--root", Scratch["store"], "--driver", Driver, "--containerd-socket", Socket, "--containerd-address", Address, .. _arguments]);
        _stratad.Await(() => _stratad.Output.Contains("stratad: ready", StringComparison.Ordinal), "the line that says ready");
        // containerd's client waits some seconds before it connects again to a plugin that was not there.
        if (_containerd is not null)
            _stratad.Await(() => Try("snapshots", "--snapshotter", "strata", "ls").Code == 0, "an answer through containerd");
    }

    internal void StopStratad() => _stratad!.Stop();

    internal void KillStratad() => _stratad!.Kill();

    internal void StartContainerd()
    {
        _containerd = new DaemonProcess("containerd", "--config", Scratch["config.toml"]);
        _containerd.Await(() => Commands.TryRun("ctr", "-a", Address, "version").ExitCode == 0, "an answer");
    }

    internal void StopContainerd() => _containerd!.Stop();

    /// <summary>Runs ctr; it must succeed.</summary>
    internal string Ctr(params string[] arguments)
    {
        var (code, output, error) = Try(arguments);
        Assert.True(code == 0, $"ctr {string.Join(' ', arguments)}: {code}\n{output}{error}\nstratad:\n{_stratad!.Output}\ncontainerd:\n{string.Join('\n', _containerd!.Output.Split('\n').TakeLast(15))}");
        return output;
    }

    internal (int Code, string Output, string Error) Try(params string[] arguments) => Commands.TryRun("ctr", ["-a", Address, "-n", Namespace, .. arguments]);

    /// <summary>Runs ctr for what it writes that is no text.</summary>
    internal byte[] CtrBytes(params string[] arguments)
    {
        using var process = Process.Start(new ProcessStartInfo("ctr", ["-a", Address, "-n", Namespace, .. arguments]) { RedirectStandardOutput = true })!;
        using var output = new MemoryStream();
        process.StandardOutput.BaseStream.CopyTo(output);
        process.WaitForExit();
        Assert.True(process.ExitCode == 0, $"ctr {string.Join(' ', arguments)}: {process.ExitCode}");
        return output.ToArray();
    }

    /// <summary>Runs a command in a container that is gone afterwards.</summary>
    internal string Run(string name, string command) => Ctr("run", "--rm", "--snapshotter", "strata", Image, name, "/bin/sh", "-c", Lingering(command));

    internal string Exec(string container, string command) => Ctr("task", "exec", "--exec-id", $"e{Guid.NewGuid():N}", container, "/bin/sh", "-c", Lingering(command));

    /// <summary>
    /// containerd gives up a process's pipes when it ends: what it wrote just before that is lost where nobody had opened them yet, or read all (seen on a busy machine
    /// with 1.6; nomad's issue 6931, concourse's 6775).
    /// </summary>
    private static string Lingering(string command) => $"{command}\ncode=$?; sleep 0.5; exit $code";

    internal string[] Snapshots() => [.. Ctr("snapshots", "--snapshotter", "strata", "ls").Split('\n', StringSplitOptions.RemoveEmptyEntries).Skip(1)];

    /// <summary>An image that can run a shell, of three layers that change what is below.</summary>
    internal string WriteImage(int bigBytes = 0) =>
        RunnableImage.Make("gzip", bigBytes).ToLayout($"\"io.containerd.image.name\":\"{Image}\"").WriteTar(Scratch["image.tar"]);

    public void Dispose()
    {
        using var closing = new Closing();
        if (_containerd is not null)
            closing.Do(EndTasks);
        closing.Do(() => _containerd?.Dispose());
        closing.Do(() => _stratad?.Dispose());
        closing.Do(() => Assert.Empty(Mounts.AtOrBelow(Scratch.Path, except: Scratch["store"])));
        closing.Do(Scratch.Dispose);
    }

    /// <summary>Ends what a failed test left running.</summary>
    private void EndTasks()
    {
        if (Try("task", "ls", "-q") is not { Code: 0, Output: var tasks })
            return;
        foreach (string task in tasks.Split('\n', StringSplitOptions.RemoveEmptyEntries))
            Try("task", "rm", "-f", task);
    }
}
