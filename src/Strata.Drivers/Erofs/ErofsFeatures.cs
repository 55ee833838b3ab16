using Strata.Trees;

namespace Strata.Drivers.Erofs;

/// <summary>What this kernel and this process can do with EROFS, as the driver needs it.</summary>
internal static class ErofsFeatures
{
    /// <summary>Throws the right one of the three errors if a tar can't be mounted by an index here.</summary>
    internal static void Require(string home)
    {
        var support = Of(home);
        if (support.MountsTars)
            return;
        string why = $"{support.WhyNot} Use the overlay driver here, which unpacks layers.";
        throw !support.InKernel.Yes ? DriverUnusableException.NotSupported("erofs", why)
            : !support.MayMount.Yes ? DriverUnusableException.Prerequisites("erofs", why)
            : DriverUnusableException.NotSupported("erofs", why);
    }

    /// <summary>What can be done on the file system of a home, which need not be there yet.</summary>
    internal static ErofsSupport Of(string home)
    {
        string there = Path.GetFullPath(home);
        while (!Directory.Exists(there))
            there = Path.GetDirectoryName(there)!;
        return ErofsSupport.Of(there);
    }
}
