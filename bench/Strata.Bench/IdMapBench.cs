using System.Diagnostics;
using Strata.Oci;
using Strata.Store;

namespace Strata.Bench;

/// <summary>A container whose owners are mapped for its user namespace against one whose owners are as they are: made and mounted, over the same image.</summary>
internal static class IdMapBench
{
    private const int Warmups = 20;

    internal static void Run(string root, string imageName, int rounds, Action<string, string, int, TimeSpan> row)
    {
        using var store = Store.Store.Open(new StoreOptions { Root = root });
        var driver = store.Driver;
        var parent = store.FindLayer(ImageNames.Get(store, imageName).TopLayer!.Value)!.DriverId;
        for (int i = -Warmups; i < rounds; i++)
        {
            foreach (string kind in new[] { "plain", "idmapped", "idmapped, each its own" })
            {
                // With another mapping each time the namespace that the kernel wants for it is made each time, too.
                IdRange[] ranges = [new(0, kind == "idmapped" ? 100000 : 200000 + i + Warmups, 65536)];
                var options = new Strata.Drivers.CreateOptions { IdMapping = kind == "plain" ? null : IdMapping.Create(ranges, ranges) };
                var id = LayerId.New();
                long start = Stopwatch.GetTimestamp();
                driver.CreateReadWrite(id, parent, options);
                driver.Get(id);
                var time = Stopwatch.GetElapsedTime(start);
                driver.Put(id);
                driver.Remove(id);
                if (i >= 0)
                    row("create-and-mount", kind, i, time);
            }
        }
    }
}
