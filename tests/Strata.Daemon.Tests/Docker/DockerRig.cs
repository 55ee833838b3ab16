using System.Text.Json;
using Strata.Testing;

namespace Strata.Daemon.Tests.Docker;

/// <summary>dockerd from Debian's package with a containerd of its own, and stratad: each with a root, state and socket of its own, each stopped by its process ID.</summary>
internal sealed class DockerRig : IDisposable
{
    private const string Seconds = "60"; // the longest that a call may take: what hangs must fail

    // Docker looks for plugins at fixed places only; the name tells one dockerd's from another's.
    private readonly string _plugin = $"strata-{Guid.NewGuid():N}"[..20];
    private readonly string? _userNamespace;
    private DaemonProcess? _stratad;
    private DaemonProcess? _containerd;
    private DaemonProcess? _dockerd;

    internal DockerRig(string driver, string? userNamespace = null, params string[] driverOptions)
    {
        Driver = driver;
        DriverOptions = driverOptions;
        _userNamespace = userNamespace;
        try
        {
            if (userNamespace is not null)
                File.SetUnixFileMode(Scratch.Path, (UnixFileMode)0x1C9); // 0711: who is root in it passes through to Docker's data root
            if (driver == "btrfs")
                Scratch.MountLoop("store", "btrfs", 512);
            File.WriteAllText(Scratch["containerd.toml"], $"""
                version = 2
                root = "{Scratch["containerd"]}"
                state = "{Scratch["containerd-state"]}"
                disabled_plugins = ["io.containerd.grpc.v1.cri", "io.containerd.snapshotter.v1.aufs", "io.containerd.snapshotter.v1.btrfs", "io.containerd.snapshotter.v1.devmapper", "io.containerd.snapshotter.v1.zfs", "io.containerd.internal.v1.opt"]
                [grpc]
                  address = "{Containerd}"
                """);
            File.WriteAllText(Scratch["daemon.json"], $$"""{"experimental":true,"storage-driver":"{{_plugin}}","live-restore":{{(userNamespace is null ? "true" : "false")}}}""");
            Directory.CreateDirectory("/etc/docker/plugins");
            File.WriteAllText(Spec, "unix://" + Socket);
            StartStratad();
            _containerd = new DaemonProcess("containerd", "--config", Scratch["containerd.toml"]);
            _containerd.Await(() => Commands.TryRun("ctr", "-a", Containerd, "version").ExitCode == 0, "an answer");
            StartDockerd();
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    internal string Driver { get; }

    internal string[] DriverOptions { get; }

    internal ScratchDirectory Scratch { get; } = new();

    internal string Store => Scratch["store"];

    /// <summary>What stratad said.</summary>
    internal string Log => _stratad!.Output;

    /// <summary>Docker's data root; with a user namespace it is a directory below it.</summary>
    internal string Data => Scratch["data"];

    private string Socket => Scratch["s.sock"];

    private string Containerd => Scratch["c.sock"];

    private string Spec => $"/etc/docker/plugins/{_plugin}.spec";

    // Debian's, of the same version as dockerd, where both it and another one are there.
    private static string Client { get; } = File.Exists("/usr/bin/docker") ? "/usr/bin/docker" : "docker";

    internal static void Require()
    {
        Assert.SkipUnless(Environment.IsPrivilegedProcess, "dockerd needs root");
        Assert.SkipWhen(Commands.TryRun("sh", "-c", "command -v dockerd && command -v docker && command -v containerd && command -v runc").ExitCode != 0, "Docker is not installed (Debian: docker.io, containerd, runc)");
    }

    internal void StartStratad()
    {
        _stratad = new DaemonProcess(
            DaemonProcess.Stratad, ["serve", "--root", Store, "--driver", Driver, "--docker-socket", Socket, "--log-level", "debug", .. DriverOptions.SelectMany(o => new[] { "--driver-opt", o })]);
        _stratad.Await(() => _stratad.Output.Contains("stratad: ready", StringComparison.Ordinal), "the line that says ready");
    }

    internal void StopStratad() => _stratad!.Stop();

    internal void KillStratad() => _stratad!.Kill();

    internal void StartDockerd()
    {
        string[] mapped = _userNamespace is null ? [] : ["--userns-remap", _userNamespace];
        _dockerd = new DaemonProcess(
            "dockerd", ["--config-file", Scratch["daemon.json"], "--data-root", Data, "--exec-root", Scratch["exec"], "--pidfile", Scratch["docker.pid"], "-H", Host, "--containerd", Containerd,
            "--iptables=false", "--bridge=none", "--shutdown-timeout", "2", .. mapped]);
        _dockerd.Await(() => File.Exists(Scratch["d.sock"]) && Try("version").Code == 0, "an answer");
    }

    internal void StopDockerd() => _dockerd!.Stop();

    internal void KillDockerd()
    {
        _dockerd!.Kill();
        File.Delete(Scratch["docker.pid"]);
        File.Delete(Scratch["d.sock"]);
    }

    /// <summary>Runs docker; it must succeed.</summary>
    internal string Docker(params string[] arguments)
    {
        var (code, output, error) = Try(arguments);
        Assert.True(code == 0, $"docker {string.Join(' ', arguments)}: {code}\n{output}{error}\nstratad:\n{Tail(_stratad)}\ndockerd:\n{Tail(_dockerd)}\ncontainerd:\n{Tail(_containerd)}");
        return output;
    }

    internal (int Code, string Output, string Error) Try(params string[] arguments) => Commands.TryRun(
        "timeout", ["-k", "5", Seconds, "env", "DOCKER_BUILDKIT=0", $"DOCKER_CONFIG={Scratch["client"]}", Client, "-H", Host, .. arguments]);

    /// <summary>Runs a shell's command in a container that is gone afterwards.</summary>
    internal string Run(string image, string command) => Docker("run", "--rm", "--network", "none", image, "sh", "-c", command);

    internal string Exec(string container, string command) => Docker("exec", container, "sh", "-c", command);

    /// <summary>The process of a container: what it sees lies below its /proc/…/root, with no help from any daemon.</summary>
    internal string RootOf(string container) => $"/proc/{Docker("inspect", "-f", "{{.State.Pid}}", container).Trim()}/root";

    /// <summary>The tars of the layers of a saved image, the base first.</summary>
    internal byte[][] SavedLayers(string image)
    {
        string folder = Scratch.Make($"saved-{Guid.NewGuid():N}");
        Docker("save", "-o", folder + ".tar", image);
        Commands.Run("tar", "-xf", folder + ".tar", "-C", folder);
        using var manifest = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(folder, "manifest.json")));
        return [.. manifest.RootElement[0].GetProperty("Layers").EnumerateArray().Select(layer => File.ReadAllBytes(Path.Combine(folder, layer.GetString()!)))];
    }

    public void Dispose()
    {
        using var closing = new Closing();
        closing.Do(EndContainers);
        // The one that is a client ends first.
        foreach (var daemon in new[] { _dockerd, _containerd, _stratad })
            closing.Do(() => daemon?.Dispose());
        closing.Do(() => File.Delete(Spec));
        // dockerd leaves its data root mounted on itself, and a mount for each network name space.
        closing.Do(() => Assert.DoesNotContain(
            Mounts.AtOrBelow(Scratch.Path, except: Store), m => m != Data && !m.StartsWith(Data + "/1", StringComparison.Ordinal) && !m.StartsWith(Scratch["exec"], StringComparison.Ordinal)));
        closing.Do(Scratch.Dispose);
    }

    /// <summary>Ends what a failed test left running, also if dockerd does not answer any more.</summary>
    private void EndContainers()
    {
        if (_containerd is null || Commands.TryRun("ctr", "-a", Containerd, "-n", "moby", "task", "ls", "-q") is not { ExitCode: 0, Output: var tasks })
            return;
        foreach (string task in tasks.Split('\n', StringSplitOptions.RemoveEmptyEntries))
            Commands.TryRun("timeout", "-k", "5", Seconds, "ctr", "-a", Containerd, "-n", "moby", "task", "rm", "-f", task);
    }

    private string Host => "unix://" + Scratch["d.sock"];

    private static string Tail(DaemonProcess? daemon) => daemon is null ? "" : string.Join('\n', daemon.Output.Split('\n').TakeLast(20));
}
