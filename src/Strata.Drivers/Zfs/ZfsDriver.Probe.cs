using System.Text;
using Strata.Linux;
using Strata.Trees;

namespace Strata.Drivers.Zfs;

/// <content>Finding the dataset, and what its zfs can do.</content>
public sealed partial class ZfsDriver
{
    private const string XattrProperty = "strata:xattrs";

    private static bool KernelHasZfs => File.ReadLines("/proc/filesystems").Any(line => line.EndsWith("\tzfs", StringComparison.Ordinal));

    private static string FindDataset(string home, string? asked)
    {
        if (ExternalProgram.Find("zfs") is null)
            throw DriverUnusableException.NotSupported("zfs", "there is no program zfs. Install zfsutils-linux and load its module (modprobe zfs), or zfs-fuse.");
        if (!ProcessCalls.CanMount)
            throw DriverUnusableException.Prerequisites("zfs", "mounting needs root (CAP_SYS_ADMIN). Run as root, or use the vfs driver.");
        string dataset = asked ?? DatasetThatHolds(home)
            ?? throw DriverUnusableException.Prerequisites("zfs", $"{home} is on {FsMagic.Of(home)}. Put the root on zfs, or name a dataset: --driver-opt zfs.fsname=POOL/DATASET.");
        var result = ExternalProgram.Run("zfs", "list", "-H", "-o", "name", "-t", "filesystem", dataset);
        if (!result.Ok)
            throw DriverUnusableException.Prerequisites("zfs", $"zfs does not know the file system {dataset}: {result.Error} Create it (zfs create {dataset}), or name another one: --driver-opt zfs.fsname=POOL/DATASET.");
        return dataset;
    }

    /// <summary>The dataset that is mounted where a path lies; null: another file system is.</summary>
    private static string? DatasetThatHolds(string path)
    {
        path = Path.GetFullPath(path);
        MountTable.Row? nearest = null;
        foreach (var row in MountTable.Read())
        {
            bool holds = row.Point == "/" || path == row.Point || path.StartsWith(row.Point + "/", StringComparison.Ordinal);
            if (holds && row.Point.Length >= (nearest?.Point.Length ?? 0))
                nearest = row; // of two at one point the later lies on top
        }
        // zfs-fuse's are like any other FUSE file system, but for their source; zfs itself tells whether it knows that.
        return nearest is { } found && (found.Type == "zfs" || (found.Type.StartsWith("fuse", StringComparison.Ordinal) && ZfsProgram.Knows(found.Source))) ? found.Source : null;
    }

    /// <summary>Tries it once, on a dataset of its own, and keeps what it found as a property of the one that holds the layers.</summary>
    private bool KeepsXattrs()
    {
        if (ZfsProgram.Get(_dataset, XattrProperty).TryGetValue(XattrProperty, out string? known) && bool.TryParse(known, out bool kept))
            return kept;
        var probe = LayerId.Parse("probe-" + LayerId.New().ToString()[..12]);
        CreateLayer(probe, null, new CreateOptions(), writable: false);
        try
        {
            string point = MountPointOf(probe);
            Directory.CreateDirectory(point, Private);
            PerformMounts(probe, GetMounts(probe, new MountRequest()), point);
            try
            {
                using var root = FileCalls.Open(point, OpenFlags.ReadOnly | OpenFlags.Directory);
                kept = XattrCalls.TrySet(root.Number, "user.strata"u8, Encoding.ASCII.GetBytes("x")) == Errno.None
                    && XattrCalls.TrySet(root.Number, "trusted.strata"u8, Encoding.ASCII.GetBytes("x")) == Errno.None;
            }
            finally
            {
                Mounter.Unmount(point);
                AfterUnmount(probe);
                Directory.Delete(point);
            }
        }
        finally
        {
            RemoveLayer(probe);
        }
        ZfsProgram.Do("mark", _dataset, "set", $"{XattrProperty}={(kept ? "true" : "false")}", _dataset);
        return kept;
    }
}
