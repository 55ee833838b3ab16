namespace Strata.Drivers;

/// <summary>Makes a driver whose layers lie below a directory; throws <see cref="DriverUnusableException"/> where it can't serve. Docker's <c>InitFunc</c>.</summary>
/// <param name="home">The driver's own directory; made if it is not there.</param>
/// <param name="options">Options of all drivers; it picks its own.</param>
public delegate IDriver DriverInit(string home, DriverOptions options);

/// <summary>The drivers that there are, by name, and how one is chosen.</summary>
/// <remarks>Safe for many threads once registration is done.</remarks>
public sealed partial class DriverRegistry
{
    /// <summary>The environment variable that names a driver.</summary>
    public const string EnvironmentVariable = "STRATA_DRIVER";

    private readonly Dictionary<string, DriverInit> _drivers = new(StringComparer.Ordinal);
    private readonly Dictionary<string, string> _aliases = new(StringComparer.Ordinal);
    private readonly List<string> _priority = [];

    /// <summary>The registered names, in the order in which they are tried.</summary>
    public IReadOnlyList<string> Names => _priority;

    /// <summary>The registry with all drivers of this package: erofs, overlay, btrfs, zfs, aufs, fuse-overlayfs, then vfs.</summary>
    public static DriverRegistry CreateDefault()
    {
        var registry = new DriverRegistry();
        registry.Register("erofs", (home, options) => new Erofs.ErofsDriver(home, options));
        registry.Register("overlay", (home, options) => new Overlay.OverlayDriver(home, options), "overlay2");
        registry.Register("btrfs", (home, options) => new Btrfs.BtrfsDriver(home, options));
        registry.Register("zfs", Zfs.ZfsDriver.Init);
        registry.Register("aufs", (home, options) => new Aufs.AufsDriver(home, options));
        registry.Register("fuse-overlayfs", Overlay.OverlayDriver.OverFuse);
        registry.Register("vfs", Vfs.VfsDriver.Init);
        return registry;
    }

    /// <summary>Registers a driver, behind those that are there already.</summary>
    /// <param name="name">Its name, and that of its directory.</param>
    /// <param name="init">Makes it.</param>
    /// <param name="aliases">Other names for it.</param>
    /// <exception cref="StrataException">AlreadyExists: the name is taken.</exception>
    public void Register(string name, DriverInit init, params string[] aliases)
    {
        foreach (string taken in aliases.Prepend(name))
        {
            if (IsRegistered(taken))
                throw StrataException.AlreadyExists($"Name already registered {taken}");
        }
        _drivers.Add(name, init);
        _priority.Add(name);
        foreach (string alias in aliases)
            _aliases.Add(alias, name);
    }

    /// <summary>True if there is a driver of that name.</summary>
    public bool IsRegistered(string name) => _drivers.ContainsKey(name) || _aliases.ContainsKey(name);

    /// <summary>The name that a driver is registered under.</summary>
    /// <exception cref="DriverUnusableException">There is no such driver.</exception>
    public string Resolve(string name)
    {
        if (_aliases.TryGetValue(name, out string? real))
            return real;
        if (_drivers.ContainsKey(name))
            return name;
        throw DriverUnusableException.NotSupported(name, name switch
        {
            "devicemapper" => "devicemapper has been deprecated and removed; load the images again with another driver.",
            _ => $"there is no such driver; there are {string.Join(", ", _priority)}.",
        });
    }

    /// <summary>Makes the driver of a name; its home is the directory of that name below the root. Docker's <c>GetDriver</c>.</summary>
    /// <exception cref="DriverUnusableException">There is no such driver, or it can't serve here.</exception>
    public IDriver Get(string name, string root, DriverOptions? options = null)
    {
        name = Resolve(name);
        return _drivers[name](Path.Combine(root, name), options ?? DriverOptions.None);
    }

    /// <summary>
    /// Chooses a driver: the named one; else the one in the environment; else the one that this root was used with; else the first that can
    /// serve, in order of registration. Docker's <c>New</c>.
    /// </summary>
    /// <remarks>
    /// A driver that was named, or that the root was used with, is not replaced by another one if it fails: its layers would vanish. A root that
    /// several drivers have used is an error, unless one is named; <c>vfs</c> counts only if it is alone. Decided in ADR 2.
    /// </remarks>
    /// <exception cref="StrataException">NotSupported: none can serve; the message has each one's reason. FailedPrecondition: several were used.</exception>
    public IDriver New(string root, string? name = null, DriverOptions? options = null)
    {
        if (string.IsNullOrEmpty(name))
            name = Environment.GetEnvironmentVariable(EnvironmentVariable);
        if (!string.IsNullOrEmpty(name))
            return Get(name, root, options);
        var prior = FindPrior(root);
        var decisive = prior.Where(p => p != "vfs").ToArray();
        if (decisive.Length > 1)
        {
            throw StrataException.FailedPrecondition(
                $"{root} contains several valid graphdrivers: {string.Join(", ", decisive)}; cleanup or explicitly choose storage driver (--driver NAME).");
        }
        if (decisive.Length == 1)
            return Get(decisive[0], root, options);
        if (prior.Count == 1)
            return Get(prior[0], root, options);
        var reasons = new List<string>();
        foreach (string candidate in _priority)
        {
            try
            {
                return Get(candidate, root, options);
            }
            catch (DriverUnusableException e)
            {
                reasons.Add(e.Message);
            }
        }
        throw StrataException.NotSupported($"No supported storage backend found for {root}. {string.Join(" ", reasons)}");
    }

    /// <summary>The drivers that have something below a root. A directory that can't be read counts as used.</summary>
    public IReadOnlyList<string> FindPrior(string root)
    {
        var found = new List<string>();
        foreach (string name in _priority)
        {
            string home = Path.Combine(root, name);
            try
            {
                if (Directory.Exists(home) && Directory.EnumerateFileSystemEntries(home).Any())
                    found.Add(name);
            }
            catch (UnauthorizedAccessException)
            {
                found.Add(name);
            }
        }
        return found;
    }
}
