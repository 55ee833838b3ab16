using Strata.Oci.Registries;

namespace Strata.Daemon.Serving;

/// <summary>What <c>stratad serve</c> serves, and where: from the command line before the configuration file.</summary>
internal sealed record ServeOptions
{
    internal const string DefaultContainerdAddress = "/run/containerd/containerd.sock";

    /// <summary>The store's directory.</summary>
    internal string Root { get; init; } = "/var/lib/strata";

    /// <summary>The driver; null: the store's own, or the best.</summary>
    internal string? Driver { get; init; }

    /// <summary>The driver's options, KEY=VALUE.</summary>
    internal IReadOnlyList<string> DriverOptions { get; init; } = [];

    /// <summary>Where containerd finds its snapshotter and differ; null: nowhere.</summary>
    internal string? ContainerdSocket { get; init; }

    /// <summary>containerd's own socket, whose content service the differ reads and writes.</summary>
    internal string ContainerdAddress { get; init; } = DefaultContainerdAddress;

    /// <summary>How registries are spoken to, to fetch what containerd is about to pull; null: that is left to containerd.</summary>
    internal RegistryOptions? ContainerdFetch { get; init; }

    /// <summary>Where Docker finds its graph driver plugin; null: nowhere.</summary>
    internal string? DockerSocket { get; init; }

    /// <summary>Where the control API is; null: nowhere.</summary>
    internal string? ApiSocket { get; init; }

    /// <summary>How long calls that are under way may still take when the daemon is to stop.</summary>
    internal TimeSpan StopTimeout { get; init; } = TimeSpan.FromSeconds(20);

    /// <summary>The options of a configuration file, if there is one, and what goes before them.</summary>
    internal static ServeOptions Load(string? path, Func<ServeOptions, ServeOptions> given)
    {
        if (path is not null)
            throw StrataException.NotSupported("stratad reads no configuration file yet: give its settings as options.");
        return given(new ServeOptions());
    }
}
