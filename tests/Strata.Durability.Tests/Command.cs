using System.Runtime.CompilerServices;
using Strata.Oci;
using Strata.Store;

namespace Strata.Durability.Tests;

/// <summary>What a process does to a store: opens it, does one thing as the verb of that name does, closes it.</summary>
internal static class Command
{
    /// <summary>Runs one; it throws what the library throws.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    internal static void Run(string root, string driver, string[] words)
    {
        using var store = Open(root, driver);
        switch (words)
        {
            case ["open"]:
                break;
            case ["load", var file]:
                new ImageLoader(store).Load(file);
                break;
            case ["create", var name, var image]:
                var from = ImageNames.Get(store, image);
                store.CreateWritable(name, from.TopLayer, from.Manifest);
                break;
            case ["write", var name, var text]:
                string path = store.Mount(name);
                try
                {
                    string made = Path.Combine(path, "made"), etc = Path.Combine(path, "etc");
                    Directory.CreateDirectory(made);
                    File.WriteAllText(Path.Combine(made, "text"), text);
                    File.Delete(Path.Combine(etc, "a"));
                    File.SetLastWriteTimeUtc(Path.Combine(made, "text"), DateTime.UnixEpoch); // the same each time
                    foreach (string directory in new[] { made, etc, path })
                        Directory.SetLastWriteTimeUtc(directory, DateTime.UnixEpoch);
                }
                catch (IOException e)
                {
                    throw StrataException.FailedPrecondition($"the test itself could not write: {e.Message}", e);
                }
                finally
                {
                    store.Unmount(name);
                }
                break;
            case ["mount", var name]:
                store.Mount(name);
                break;
            case ["umount", var name]:
                store.Unmount(name);
                break;
            case ["commit", var name, var image]:
                ImageCommitter.Commit(store, name, image);
                break;
            case ["rm", var name] when store.FindWritable(name) is not null:
                store.RemoveWritable(name);
                break;
            case ["rm", var name]:
                store.RemoveImage(ImageNames.Get(store, name).Manifest);
                break;
            case ["untag", var name]:
                store.RemoveName(ImageNames.FindByName(store, name)!.Value.Name);
                break;
            case ["gc"]:
                var report = store.Collect(new CollectOptions { UnnamedImages = true });
                if (report.Failures.Count > 0)
                    throw StrataException.FailedPrecondition(string.Join('\n', report.Failures.Select(f => $"{f.Subject}: {f.Problem}")));
                break;
            case ["repair"]:
                var bad = store.Check(deep: false, repair: true).Where(f => !f.Repaired).ToArray();
                if (bad.Length > 0)
                    throw StrataException.Corrupt(string.Join('\n', bad.Select(f => f.Problem)));
                break;
            default:
                throw new ArgumentException(string.Join(' ', words));
        }
    }

    /// <summary>Opens a store.</summary>
    internal static StrataStore Open(string root, string driver) => StrataStore.Open(new StoreOptions { Root = root, Driver = driver });
}
