using Strata.Trees;

namespace Strata.Drivers;

/// <content>Telling what would be chosen, and why, without making a store.</content>
public sealed partial class DriverRegistry
{
    /// <summary>Tries every driver for a root, in the order in which they would be tried; nothing is left behind.</summary>
    /// <param name="root">The root; it need not be there. The drivers are tried in a directory of a name of its own in it, or in its nearest parent that is there.</param>
    public IReadOnlyList<DriverProbe> Probe(string root)
    {
        string place = Path.Combine(NearestThatExists(root), ".strata-probe-" + LayerId.New().ToString()[..8]);
        string shown = Path.GetFullPath(root);
        return [.. _priority.Select(name => new DriverProbe(name, ReasonAgainst(name, place)?.Replace(place, shown, StringComparison.Ordinal)))];
    }

    /// <summary>How the owners of writable layers in a root can be mapped for user namespaces: by mounts, or by copies and why.</summary>
    /// <param name="root">The root; it need not be there. It is tried in its nearest parent that is.</param>
    public static string DescribeMapping(string root)
    {
        try
        {
            return IdMappedMounts.FindObstacle(NearestThatExists(root), overlay: true) is { } why ? "by copies: " + why : "by mounts";
        }
        catch (StrataException e) when (e.Kind is ErrorKind.Exhausted or ErrorKind.PermissionDenied)
        {
            return "not known: " + e.Message;
        }
    }

    /// <summary>How sizes of writable layers could be limited for a root, or why not and what would mend that.</summary>
    /// <param name="root">The root; it need not be there.</param>
    public static string DescribeLimits(string root)
    {
        string existing = NearestThatExists(root);
        return FsMagic.Of(existing) == FsMagic.Btrfs
            ? "quota groups (btrfs driver); " + Quotas.LayerQuota.Describe(existing, images: true)
            : Quotas.LayerQuota.Describe(existing, images: true);
    }

    /// <summary>What <see cref="New"/> would do.</summary>
    /// <param name="root">The root.</param>
    /// <param name="name">The driver that is asked for, or null.</param>
    /// <param name="probes">What <see cref="Probe"/> told of the root.</param>
    public DriverChoice Predict(string root, string? name, IReadOnlyList<DriverProbe> probes)
    {
        if (!string.IsNullOrEmpty(name))
            return Named(name, "it was asked for", probes);
        if (Environment.GetEnvironmentVariable(EnvironmentVariable) is { Length: > 0 } wanted)
            return Named(wanted, $"{EnvironmentVariable} names it", probes);
        var prior = FindPrior(root);
        var decisive = prior.Where(p => p != "vfs").ToArray();
        if (decisive.Length > 1)
            return new DriverChoice(null, $"the root holds layers of several drivers ({string.Join(", ", decisive)}): one must be named");
        if (decisive.Length == 1 || prior.Count == 1)
            return Named(decisive.Length == 1 ? decisive[0] : prior[0], "the root was used with it", probes);
        return probes.FirstOrDefault(probe => probe.CanServe) is { } first
            ? new DriverChoice(first.Name, "the first that can serve")
            : new DriverChoice(null, "no driver can serve");
    }

    private static string NearestThatExists(string root)
    {
        string? existing = Path.GetFullPath(root);
        while (existing is not null && !Directory.Exists(existing))
            existing = Path.GetDirectoryName(existing);
        return existing ?? "/";
    }

    private DriverChoice Named(string name, string why, IReadOnlyList<DriverProbe> probes)
    {
        if (!IsRegistered(name))
            return new DriverChoice(null, $"{why}, but there is no driver '{name}'");
        string real = Resolve(name);
        return probes.FirstOrDefault(probe => probe.Name == real) is { CanServe: false }
            ? new DriverChoice(null, $"{real}: {why}, but it can't serve")
            : new DriverChoice(real, why);
    }

    private string? ReasonAgainst(string name, string place)
    {
        try
        {
            _ = Get(name, place);
            return null;
        }
        catch (DriverUnusableException e)
        {
            return e.Message;
        }
        catch (Exception e) when (e is UnauthorizedAccessException or IOException or StrataException)
        {
            return $"the root can't be used: {e.Message}";
        }
        finally
        {
            TreeRemover.Remove(place);
        }
    }
}
