using Strata.Drivers;
using Strata.Trees;

namespace Strata.Store;

/// <content>Where layers with owners of their own are mounted: who is root only inside of a user namespace can't pass through the store, which is closed to all others.</content>
public sealed partial class GraphStore
{
    private const UnixFileMode Passable =
        UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute | UnixFileMode.GroupExecute | UnixFileMode.OtherExecute;

    /// <summary>The directory below which layers with an <see cref="IdMapping"/> are seen, each at a directory of its ID; kept in the store.</summary>
    public string? MountDirectory
    {
        get => GetSetting("graph-mounts");
        set => SetSetting("graph-mounts", value);
    }

    /// <summary>
    /// The directory that the owner of the layers has for them, or null: Docker's DATA-ROOT/DRIVER. By what Docker keeps beside it <see cref="Store.Check(CheckOptions, CancellationToken)"/>
    /// tells which layers are still wanted. Kept in the store.
    /// </summary>
    public string? Home
    {
        get => GetSetting("graph-home");
        set => SetSetting("graph-home", value);
    }

    private string? GetSetting(string key) => _database.Read(s => s.List("SELECT value FROM meta WHERE key=$1", r => r.GetString(0), key).FirstOrDefault());

    private void SetSetting(string key, string? value) => _database.Write(s => value is null
        ? s.Run("DELETE FROM meta WHERE key=$1", key)
        : s.Run("INSERT INTO meta VALUES ($1, $2) ON CONFLICT (key) DO UPDATE SET value=excluded.value", key, value));

    private string GetMapped(GraphLayer layer, string directory, string? mountLabel)
    {
        string point = Path.Combine(directory, "mnt", layer.Id);
        CounterOf(directory).Acquire(LayerId.Parse(layer.Id), point, () =>
        {
            Directory.CreateDirectory(directory, Passable);
            Directory.CreateDirectory(Path.Combine(directory, "mnt"), Passable);
            Directory.CreateDirectory(point, Passable);
            string root = Driver.Get(layer.DriverId, mountLabel);
            try
            {
                Mounter.Mount([new Mount("bind", root, "", ["rbind", "rw"])], point);
            }
            catch
            {
                Driver.Put(layer.DriverId);
                throw;
            }
        });
        return point;
    }

    private void PutMapped(GraphLayer layer, string directory)
    {
        string point = Path.Combine(directory, "mnt", layer.Id);
        CounterOf(directory).Release(LayerId.Parse(layer.Id), point, () =>
        {
            Mounter.Unmount(point);
            Directory.Delete(point);
            Driver.Put(layer.DriverId);
        });
    }

    private void UnmountMapped(GraphLayer layer, string directory)
    {
        while (MountTable.IsMountPoint(Path.Combine(directory, "mnt", layer.Id)))
            PutMapped(layer, directory);
    }

    private static MountCounter CounterOf(string directory) => new(Path.Combine(directory, ".mounts"));
}
