using System.Globalization;
using Strata.Linux;

namespace Strata.Drivers.Btrfs;

/// <content>Limits of writable layers, by quota groups.</content>
public sealed partial class BtrfsDriver
{
    private string LimitFileOf(LayerId id) => Path.Combine(_quotas, id.ToString());

    /// <summary>Reads what is asked for; null: no limit.</summary>
    private long? ReadLimit(CreateOptions options, bool writable)
    {
        long? limit = null;
        foreach (var (key, value) in options.StorageOptions)
        {
            if (!key.Equals("size", StringComparison.OrdinalIgnoreCase))
                throw StrataException.InvalidArgument($"The btrfs driver has no storage option '{key}'. It knows: size.");
            if (!writable)
                throw StrataException.InvalidArgument("The storage option 'size' is for writable layers only.");
            limit = StorageSize.Parse("size", value);
            if (limit == 0 || limit < _minSpaceBytes)
                throw StrataException.InvalidArgument($"A layer's size of {value} is less than there must be ({Math.Max(_minSpaceBytes, 1)} bytes; option btrfs.min_space).");
        }
        return limit;
    }

    /// <summary>Turns quotas on, if they are off.</summary>
    private BtrfsQuotaMode EnableQuotas(FileDescriptor file)
    {
        var mode = BtrfsQuotaCalls.GetMode(file);
        if (mode != BtrfsQuotaMode.Off)
            return mode;
        var errno = BtrfsQuotaCalls.TryEnable(file, _simpleQuotas);
        if (errno != Errno.None && errno != Errno.EEXIST)
        {
            throw new StrataException(
                LinuxException.KindOf(errno),
                $"Can't turn quotas on for the btrfs at {Home}: {new LinuxException(errno, "ioctl BTRFS_IOC_QUOTA_CTL").Message}."
                    + (_simpleQuotas ? " Simple quotas need Linux 6.7; leave btrfs.quota out for full ones." : ""));
        }
        return BtrfsQuotaCalls.GetMode(file);
    }

    /// <summary>Limits a subvolume to what it does not share with the layers below.</summary>
    private void Limit(string path, long sizeBytes)
    {
        using var subvolume = Subvolumes.Open(path);
        var mode = EnableQuotas(subvolume);
        // Simple quotas count only what was written here as referenced; full ones count the image, too.
        var errno = BtrfsQuotaCalls.TryLimit(subvolume, Subvolumes.InfoOf(subvolume).Tree, sizeBytes, exclusive: mode == BtrfsQuotaMode.Full);
        Subvolumes.Check(errno, "ioctl BTRFS_IOC_QGROUP_LIMIT", path);
    }

    /// <summary>The limit that a layer was made with; null: none.</summary>
    private long? FindLimit(LayerId id)
    {
        if (!File.Exists(LimitFileOf(id)))
            return null;
        string text = File.ReadAllText(LimitFileOf(id)).Trim();
        return long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out long sizeBytes)
            ? sizeBytes
            : throw StrataException.Corrupt($"The limit of layer {id} is not known: {LimitFileOf(id)} holds no number of bytes. Write it there, or delete the file; btrfs qgroup show -r {Home} tells what btrfs keeps to.");
    }

    private void RecordLimit(LayerId id, long sizeBytes)
    {
        Directory.CreateDirectory(_quotas, Private);
        File.WriteAllText(LimitFileOf(id), sizeBytes.ToString(CultureInfo.InvariantCulture));
    }
}
