using System.Globalization;

namespace Strata.Drivers.Quotas;

/// <summary>Limits of writable layers, for every driver whose layers are directories.</summary>
internal static class LayerQuota
{
    /// <summary>Limits the directories of a layer that is being made by a project quota.</summary>
    /// <exception cref="StrataException">NotSupported: the file system has none, with what would mend it.</exception>
    internal static void Limit(string driver, string home, IReadOnlyList<string> directories, StorageLimits limits, bool images = false)
    {
        if (ProjectQuota.ReasonAgainst(home) is { } why)
        {
            throw StrataException.NotSupported(
                $"The {driver} driver can't limit a layer's size here: {why}.{(images && LoopImages.ReasonAgainst() is null ? " Or ask for a file system of that size in a file: --storage-opt size=SIZE --storage-opt backing=loop." : "")}");
        }
        ProjectQuota.Limit(directories, limits);
    }

    /// <summary>What the status tells of limits.</summary>
    internal static StatusItem Status(string home, bool images) => new("Size limits", Describe(home, images));

    /// <summary>How directories at a path can be limited, or why not.</summary>
    internal static string Describe(string path, bool images)
    {
        string project = ProjectQuota.ReasonAgainst(path) is { } why ? $"no project quotas: {why}" : "project quotas";
        return !images ? project : project + (LoopImages.ReasonAgainst() is { } no ? $"; no images (backing=loop): {no}" : "; images (backing=loop)");
    }

    /// <summary>Adds to a layer's metadata what its project may take and takes, if it is one.</summary>
    internal static void Describe(string directory, Dictionary<string, string> metadata)
    {
        if (ProjectQuota.Find(directory) is not (var project, var usage))
            return;
        metadata["Project"] = project.ToString(CultureInfo.InvariantCulture);
        if (usage.SizeLimitBytes > 0)
            metadata["Size"] = usage.SizeLimitBytes.ToString(CultureInfo.InvariantCulture);
        if (usage.InodeLimit > 0)
            metadata["Inodes"] = usage.InodeLimit.ToString(CultureInfo.InvariantCulture);
        metadata["Used"] = usage.SizeBytes.ToString(CultureInfo.InvariantCulture);
    }
}
