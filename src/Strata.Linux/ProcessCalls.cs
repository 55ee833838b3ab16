using System.Globalization;

namespace Strata.Linux;

/// <summary>What this process is and may: geteuid(2), capabilities(7), getrlimit(2).</summary>
public static unsafe class ProcessCalls
{
    private const int ResourceOpenFiles = 7;
    private const int CapChown = 0;
    private const int CapMknod = 27;
    private const int CapSysAdmin = 21;
    private static readonly Lazy<ulong> Effective = new(ReadEffectiveCapabilities);
    private static readonly Lazy<bool> Initial = new(() => File.ReadLines("/proc/self/uid_map").FirstOrDefault("").Split(' ', StringSplitOptions.RemoveEmptyEntries) is ["0", "0", "4294967295"]);
    private static readonly Lazy<int> Mask = new(ReadUmask);

    /// <summary>The effective user.</summary>
    public static uint UserId => Native.geteuid();

    /// <summary>The effective group.</summary>
    public static uint GroupId => Native.getegid();

    /// <summary>True if this process may mount.</summary>
    public static bool CanMount => Has(CapSysAdmin);

    /// <summary>True if this process may give files away and make devices: what a faithful unpacking needs.</summary>
    public static bool CanOwn => Has(CapChown) && Has(CapMknod);

    /// <summary>True in the first user namespace, in which all IDs mean themselves; in others nobody can make devices, whatever capabilities he has.</summary>
    public static bool IsInitialNamespace => Initial.Value;

    /// <summary>The mode bits that this process's new files lack (umask(2)), read from procfs (Linux 4.7) so that nobody sees it changed.</summary>
    public static int Umask => Mask.Value;

    /// <summary>Raises the limit of open files as far as the hard limit allows.</summary>
    public static void RaiseOpenFileLimit()
    {
        ulong* limits = stackalloc ulong[2];
        if (Native.getrlimit(ResourceOpenFiles, limits) != 0 || limits[0] >= limits[1])
            return;
        limits[0] = limits[1];
        _ = Native.setrlimit(ResourceOpenFiles, limits); // best effort: the soft limit serves too
    }

    private static bool Has(int capability) => (Effective.Value & (1UL << capability)) != 0;

    private static int ReadUmask()
    {
        foreach (string line in File.ReadLines("/proc/self/status"))
        {
            if (line.StartsWith("Umask:", StringComparison.Ordinal))
                return Convert.ToInt32(line[6..].Trim(), 8);
        }
        return 0x1FF; // not told: set every mode explicitly
    }

    private static ulong ReadEffectiveCapabilities()
    {
        foreach (string line in File.ReadLines("/proc/self/status"))
        {
            if (line.StartsWith("CapEff:", StringComparison.Ordinal))
                return ulong.Parse(line.AsSpan(7).Trim(), NumberStyles.HexNumber, CultureInfo.InvariantCulture);
        }
        return 0;
    }
}
