using Strata.Drivers;
using Strata.Drivers.Rootless;

namespace Strata.Cli;

/// <summary>Without root, a command begins again in a user namespace of its own, where mounts are allowed and files have many owners (docs/adr/0007-not-root.md).</summary>
internal static class Rootless
{
    private const string Mark = ".namespace";

    /// <summary>The command line, to begin again with.</summary>
    internal static string[] Arguments { get; set; } = [];

    /// <summary>True: this process was begun again in a namespace, just now.</summary>
    internal static bool HasArrived { get; set; }

    /// <summary>Why this command does not run in a namespace, though its user is not root; null: it does, or he is.</summary>
    internal static string? WhyNot { get; private set; }

    /// <summary>Begins again in a namespace if that serves for a store. Returns if this process is in one, or needs none, or can't have one.</summary>
    /// <param name="root">The store's directory.</param>
    /// <param name="driver">The driver that is asked for, or null.</param>
    /// <param name="makesStore">False: the store is only looked at.</param>
    internal static void EnterFor(string root, string? driver, bool makesStore = true)
    {
        if (RootlessNamespace.Current is not null)
        {
            if (makesStore)
                Remember(root);
            return;
        }
        if (!RootlessNamespace.IsWanted)
        {
            if (RootlessNamespace.IsSwitchedOff)
                WhyNot = $"it is switched off ({RootlessNamespace.Variable}={Environment.GetEnvironmentVariable(RootlessNamespace.Variable)})";
            return;
        }
        string? named = string.IsNullOrEmpty(driver) ? Environment.GetEnvironmentVariable(DriverRegistry.EnvironmentVariable) : driver;
        var prior = DriverRegistry.CreateDefault().FindPrior(root);
        bool madeInside = File.Exists(Path.Combine(root, Mark));
        if (!madeInside && (named == "vfs" || prior is ["vfs"]))
        {
            WhyNot = RootlessIds.Find().Lacks ?? "this store keeps owners in extended attributes, by the vfs driver outside of any (for one with real owners make another, in a session: strata unshare -- strata --root DIR --driver vfs …)";
            return;
        }
        var ids = RootlessIds.Find();
        if (!ids.HasMany && !madeInside)
        {
            WhyNot = ids.Lacks;
            return;
        }
        try
        {
            RootlessNamespace.Enter(ids, RootlessNamespace.ForOneCommand, [Environment.ProcessPath!, .. Arguments]);
        }
        catch (StrataException e) when (!madeInside && e.Kind is ErrorKind.PermissionDenied or ErrorKind.NotSupported)
        {
            WhyNot = e.Message;
        }
    }

    /// <summary>Refuses to mount where nobody would see it.</summary>
    internal static void RequireSession(IDriver driver, string name)
    {
        if (RootlessNamespace.Current == RootlessNamespace.ForOneCommand && driver.Capabilities.NeedsMounts)
        {
            throw StrataException.FailedPrecondition(
                $"Can't mount '{name}' for you to see: without root, mounts are in a namespace that ends with the command. Begin a session (strata unshare) and mount in it, or run a command in it: strata run-in {name} -- COMMAND");
        }
    }

    /// <summary>The owners of what is made inside are real there; outside they would be taken for those of attributes.</summary>
    private static void Remember(string root)
    {
        string mark = Path.Combine(root, Mark);
        if (File.Exists(mark))
            return;
        if (DriverRegistry.CreateDefault().FindPrior(root) is ["vfs"])
        {
            throw StrataException.FailedPrecondition(
                $"The store {root} keeps owners in extended attributes, since it was made outside of a user namespace. Use it outside ({RootlessNamespace.Variable}={RootlessNamespace.Off} strata …), or choose another --root.");
        }
        Directory.CreateDirectory(root);
        File.Create(mark).Dispose();
    }
}
