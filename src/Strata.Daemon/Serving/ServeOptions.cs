using System.Net.Sockets;
using Strata.Daemon.Operations;
using Strata.Oci.Registries;

namespace Strata.Daemon.Serving;

/// <summary>What <c>stratad serve</c> serves, and where: from the command line before the configuration file.</summary>
internal sealed record ServeOptions
{
    internal const string DefaultConfig = "/etc/strata/stratad.conf";
    internal const string DefaultContainerdAddress = "/run/containerd/containerd.sock";

    internal const string SnapshotSyncSoon = "soon", SnapshotSyncAlways = "always";
    private static readonly TimeSpan SoonFlush = TimeSpan.FromMilliseconds(100);

    /// <summary>The store's directory.</summary>
    internal string Root { get; init; } = "/var/lib/strata";

    /// <summary>The driver; null: the store's own, or the best.</summary>
    internal string? Driver { get; init; }

    /// <summary>The driver's options, KEY=VALUE.</summary>
    internal IReadOnlyList<string> DriverOptions { get; init; } = [];

    /// <summary>The directories of stores whose layers are used too; null: those of the environment.</summary>
    internal IReadOnlyList<string>? SharedStores { get; init; }

    /// <summary>Where containerd finds its snapshotter and differ; null: nowhere.</summary>
    internal string? ContainerdSocket { get; init; }

    /// <summary>containerd's own socket, whose content service the differ reads and writes.</summary>
    internal string ContainerdAddress { get; init; } = DefaultContainerdAddress;

    /// <summary>How registries are spoken to, to fetch what containerd is about to pull; null: that is left to containerd.</summary>
    internal RegistryOptions? ContainerdFetch { get; init; }

    /// <summary>Layers are applied when they come into containerd's content store, before they are asked for.</summary>
    internal bool ContainerdAhead { get; init; }

    /// <summary>How soon what containerd asks for, but for commits, is durable after its answer; null: before it.</summary>
    internal TimeSpan? SnapshotFlush { get; init; } = SoonFlush;

    /// <summary>Where Docker finds its graph driver plugin; null: nowhere.</summary>
    internal string? DockerSocket { get; init; }

    /// <summary>Where the control API is; null: nowhere.</summary>
    internal string? ApiSocket { get; init; }

    /// <summary>Whose socket the control API is beside root's, by name or number; null: root's alone.</summary>
    internal string? ApiSocketGroup { get; init; }

    /// <summary>Who may open the control API's socket; null: its owner, and its group if one is named.</summary>
    internal UnixFileMode? ApiSocketMode { get; init; }

    /// <summary>How long calls that are under way may still take when the daemon is to stop.</summary>
    internal TimeSpan StopTimeout { get; init; } = TimeSpan.FromSeconds(20);

    /// <summary>How long a call may take, or move no byte, before it is cancelled.</summary>
    internal TimeSpan CallTimeout { get; init; } = TimeSpan.FromMinutes(10);

    /// <summary>A collector's OTLP endpoint for traces, over HTTP; null: none are sent.</summary>
    internal Uri? TraceEndpoint { get; init; }

    /// <summary>What log lines look like: <see cref="LogSetup.Text"/> or <see cref="LogSetup.Json"/>.</summary>
    internal string LogFormat { get; init; } = LogSetup.Text;

    /// <summary>From which level on something is logged: <see cref="LogSetup.Levels"/>.</summary>
    internal string LogLevel { get; init; } = "warning";

    /// <summary>Sockets that somebody else made, by the names of doors: they are served, and stay when this process ends.</summary>
    internal IReadOnlyDictionary<string, Socket> Sockets { get; init; } = new Dictionary<string, Socket>();

    /// <summary>The options of a configuration file, if there is one, and what goes before them.</summary>
    /// <exception cref="StrataException">NotFound, PermissionDenied, InvalidArgument: the file.</exception>
    internal static ServeOptions Load(string? path, Func<ServeOptions, ServeOptions> given) => given(path is null ? new ServeOptions() : ConfigFile.Read(path));

    /// <summary>Opens the doors of sockets that somebody else made, too.</summary>
    /// <remarks>Where such a socket is nobody tells .NET: if no path is configured, the usual one stands for it.</remarks>
    /// <exception cref="StrataException">InvalidArgument: one is of no door.</exception>
    internal ServeOptions With(IReadOnlyDictionary<string, Socket> sockets)
    {
        var options = this with { Sockets = sockets };
        foreach (string name in sockets.Keys)
        {
            options = name switch
            {
                "containerd" => options with { ContainerdSocket = ContainerdSocket ?? UsualPath(name) },
                "docker" => options with { DockerSocket = DockerSocket ?? UsualPath(name) },
                "api" => options with { ApiSocket = ApiSocket ?? UsualPath(name) },
                _ => throw StrataException.InvalidArgument($"The service manager hands over a socket of the name '{name}': FileDescriptorName= is containerd, docker or api."),
            };
        }
        return options;
    }

    /// <summary>With snapshots as durable as a word says: <see cref="SnapshotSyncSoon"/> or <see cref="SnapshotSyncAlways"/>.</summary>
    internal ServeOptions WithSnapshotSync(string word) => this with { SnapshotFlush = word == SnapshotSyncSoon ? SoonFlush : null };

    /// <summary>Throws InvalidArgument if there is no door to open.</summary>
    internal void RequireDoor()
    {
        if (ContainerdSocket is null && DockerSocket is null && ApiSocket is null)
            throw StrataException.InvalidArgument("No door to open: name a socket with --containerd-socket, --docker-socket or --api-socket, or in the configuration file.");
    }

    private static string UsualPath(string door) => $"/run/strata/{door}.sock";
}
