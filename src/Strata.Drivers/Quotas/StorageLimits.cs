using System.Globalization;

namespace Strata.Drivers.Quotas;

/// <summary>What a writable layer may take, as its storage options say: <c>size</c>, <c>inodes</c>, and <c>backing</c>, what keeps it so.</summary>
/// <param name="SizeBytes">How many bytes; 0: as many as there are.</param>
/// <param name="Inodes">How many inodes; 0: as many as there are.</param>
/// <param name="Backing">What keeps it so.</param>
internal sealed record StorageLimits(long SizeBytes, long Inodes, LimitBacking Backing)
{
    /// <summary>Reads what is asked for; null: no limit.</summary>
    /// <param name="driver">The driver.</param>
    /// <param name="options">The options.</param>
    /// <param name="writable">False: the layer is an image's, which none may limit.</param>
    /// <param name="images">True: the driver knows <see cref="LimitBacking.Loop"/>.</param>
    /// <exception cref="StrataException">InvalidArgument: an option is not known, has no such value, or is not for such a layer.</exception>
    internal static StorageLimits? Read(string driver, CreateOptions options, bool writable, bool images)
    {
        long sizeBytes = 0, inodes = 0;
        LimitBacking? backing = null;
        foreach (var (key, value) in options.StorageOptions)
        {
            switch (key.ToLowerInvariant())
            {
                case "size":
                    sizeBytes = StorageSize.Parse("size", value);
                    if (sizeBytes < Linux.ProjectQuotaCalls.UnitBytes)
                        throw StrataException.InvalidArgument($"A layer's size of '{value}' is too little: at least {Linux.ProjectQuotaCalls.UnitBytes} bytes.");
                    break;
                case "inodes":
                    if (!long.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out inodes) || inodes == 0)
                        throw StrataException.InvalidArgument($"The storage option 'inodes' is a number of files, such as 100000, not '{value}'.");
                    break;
                case "backing" when images:
                    backing = value.ToLowerInvariant() switch
                    {
                        "project" => LimitBacking.Project,
                        "loop" => LimitBacking.Loop,
                        _ => throw StrataException.InvalidArgument($"The storage option 'backing' is project or loop, not '{value}'."),
                    };
                    break;
                default:
                    throw StrataException.InvalidArgument($"The {driver} driver has no storage option '{key}'. It knows: size, inodes{(images ? ", backing" : "")}.");
            }
            if (!writable)
                throw StrataException.InvalidArgument($"The storage option '{key}' is for writable layers only.");
        }
        if (backing is not null && sizeBytes == 0)
            throw StrataException.InvalidArgument("The storage option 'backing' needs a size beside it, such as size=10G.");
        return sizeBytes == 0 && inodes == 0 ? null : new StorageLimits(sizeBytes, inodes, backing ?? LimitBacking.Project);
    }
}
