using System.Diagnostics;
using WireMount = Strata.Daemon.Containerd.Wire.Mount;

namespace Strata.Daemon.Tests.Containerd;

/// <summary>Performs mounts by mount(8), which calls mount(2): options of at most a page, made shorter by a common directory, as containerd does it.</summary>
internal static class ClientMounts
{
    internal static void Perform(WireMount mount, string target)
    {
        string directory = "/";
        var options = mount.Options.ToList();
        int lower = options.FindIndex(o => o.StartsWith("lowerdir=", StringComparison.Ordinal));
        if (lower >= 0 && options.Sum(o => o.Length + 1) > 4000)
        {
            string[] lowers = options[lower]["lowerdir=".Length..].Split(':');
            directory = CommonDirectory(lowers);
            options[lower] = "lowerdir=" + string.Join(':', lowers.Select(l => l[(directory.Length + 1)..]));
        }
        var info = new ProcessStartInfo("mount", ["-t", mount.Type == "bind" ? "none" : mount.Type, "-o", string.Join(',', options), mount.Source, target])
        {
            WorkingDirectory = directory, RedirectStandardError = true,
        };
        using var process = Process.Start(info)!;
        string error = process.StandardError.ReadToEnd();
        process.WaitForExit();
        if (process.ExitCode != 0)
            throw new InvalidOperationException($"mount {mount.Type} {mount.Source} {string.Join(',', mount.Options)}: {error}");
    }

    private static string CommonDirectory(string[] paths)
    {
        string common = Path.GetDirectoryName(paths[0])!;
        while (!paths.All(p => p.StartsWith(common + "/", StringComparison.Ordinal)))
            common = Path.GetDirectoryName(common)!;
        return common;
    }
}
