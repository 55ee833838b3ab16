using Strata.Drivers;
using Strata.Drivers.Rootless;

namespace Strata.Api;

/// <summary>What a machine, or rather the file system of a store there, can do.</summary>
/// <param name="Facts">By name, in the order in which they are shown.</param>
/// <param name="Drivers">Each driver, and what it lacks.</param>
internal sealed record HostFacts(IReadOnlyList<KeyValuePair<string, string>> Facts, IReadOnlyList<DriverProbe> Drivers)
{
    /// <summary>Looks. Makes no store.</summary>
    /// <param name="root">The store's directory; it need not be there.</param>
    /// <param name="driver">The driver that is asked for, or null.</param>
    /// <param name="version">Which program of which version looks.</param>
    /// <param name="whyNoNamespace">Why there is no user namespace for who is not root, or null.</param>
    internal static HostFacts Gather(string root, string? driver, string version, string? whyNoNamespace)
    {
        var registry = DriverRegistry.CreateDefault();
        var found = registry.Probe(root);
        var choice = registry.Predict(root, driver, found);
        var facts = new KeyValuePair<string, string>[]
        {
            new("version", version),
            new("root", Path.GetFullPath(root)),
            new("backing file system", FsMagic.Of(root).ToString()),
            new("size limits", DriverRegistry.DescribeLimits(root)),
            new("kernel", File.ReadAllText("/proc/sys/kernel/osrelease").Trim()),
            new("privileged", Privileged(whyNoNamespace)),
            new("owners are mapped", Mapping(root)),
            new("used with", string.Join(", ", registry.FindPrior(root)) is { Length: > 0 } prior ? prior : "nothing yet"),
            new("would choose", choice.Name ?? "none"),
            new("because", choice.Why),
        };
        return new HostFacts(facts, found);
    }

    private static string Mapping(string root)
    {
        try
        {
            return DriverRegistry.DescribeMapping(root);
        }
        catch (Exception e) when (e is StrataException or IOException or UnauthorizedAccessException)
        {
            return "not found out: " + e.Message;
        }
    }

    private static string Privileged(string? whyNoNamespace)
    {
        if (RootlessNamespace.Current is not null)
            return $"no: in a user namespace of its own, with {RootlessNamespace.CountIds()} IDs";
        if (Environment.IsPrivilegedProcess)
            return "yes";
        return $"no: nothing can be mounted, vfs does all that needs no mount. No user namespace: {whyNoNamespace ?? "it is switched off"}";
    }
}
