using System.Diagnostics;
using Strata.Drivers;
using Strata.Drivers.Rootless;
using Strata.Store;

namespace Strata.Cli;

/// <summary>What a command does with removed layers when all else is done: little is deleted at once, much by a process of its own, which nobody waits for.</summary>
internal static class TrashDeleter
{
    private static (string Root, IDriver Driver)? _opened;

    /// <summary>True: removing only renames; <see cref="Finish"/> sees to the rest.</summary>
    /// <remarks>In a user namespace of one command, a process that stays would keep its mounts.</remarks>
    internal static bool IsWanted(bool wait) => !wait && RootlessNamespace.Current is null && Environment.GetEnvironmentVariable("STRATA_WAIT") is null or "" or "0";

    internal static void Opened(Store.Store store) => _opened = (store.Root, store.Driver);

    /// <summary>True if removed layers are not deleted yet.</summary>
    internal static bool HasWork => _opened?.Driver is ITrash { KeepsTrash: true, HasTrash: true };

    /// <summary>At the end of a command, also of one that failed: also of what earlier ones left.</summary>
    internal static void Finish()
    {
        if (_opened is not var (root, driver) || driver is not ITrash { KeepsTrash: true } trash)
            return;
        try
        {
            if (!trash.HasTrash)
                return;
            if (trash.IsTrashSmall || !TryStart(root, driver.Name))
                trash.EmptyTrash(wait: false);
        }
        catch (Exception e) when (e is StrataException or IOException or UnauthorizedAccessException)
        {
            return; // it is removed all the same; the next command tries again, and check tells
        }
    }

    private static bool TryStart(string root, string driver)
    {
        string? program = Environment.ProcessPath;
        if (program is null || Path.GetFileNameWithoutExtension(program) == "dotnet")
            return false;
        try
        {
            // Pipes of ours for its standard streams: it must not keep the caller's open until it has let go of them itself.
            var start = new ProcessStartInfo(program, [Verbs.EmptyTrashVerb.Name, "--background", "--root", root, "--driver", driver])
            {
                WorkingDirectory = "/", RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true,
            };
            foreach (string setting in (string[])["STRATA_API", "STRATA_LEASE", SharedStore.EnvironmentVariable])
                start.Environment.Remove(setting); // what it does is not the command's: a daemon or a lease that is gone must not keep it from it
            using var process = Process.Start(start);
            return process is not null;
        }
        catch (System.ComponentModel.Win32Exception)
        {
            return false; // no process to be had
        }
    }
}
