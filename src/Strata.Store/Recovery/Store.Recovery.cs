using Strata.Store.Metadata;

namespace Strata.Store;

/// <content>Opening after a crash: what a dead process was making or removing is finished or undone.</content>
public sealed partial class Store
{
    private static readonly TimeSpan TemporaryAge = TimeSpan.FromDays(1);

    /// <summary>
    /// Looks at abandoned leases only, of which there are none after a clean end. A leased layer that the metadata names was finished; any other
    /// is removed. What can't be removed now, because it is mounted for instance, stays for the next time: a store must open.
    /// </summary>
    internal void Recover()
    {
        foreach (var (id, lease) in Lease.FindAbandoned(_layout))
        {
            using (lease)
            {
                if (!Graph.Forget(id) && IsNamed(id))
                {
                    if (_database.Read(s => s.ListWhole($"SELECT {Rows.WritableColumns} FROM writable WHERE driver_id=$1", Rows.Writable, id.ToString())) is [var writable])
                        lease.TurnInto(_layout.WritableFact(writable));
                    else
                        Graph.Record(id, lease);
                    continue;
                }
                try
                {
                    foreach (string fact in Directory.EnumerateFiles(_layout.WritableFacts, $"{id}.*").Concat(Directory.EnumerateFiles(_layout.GraphWritable, $"{id}.*")))
                        File.Delete(fact);
                    Discard(id, lease);
                }
                catch (Exception e) when (e is StrataException or IOException or UnauthorizedAccessException)
                {
                    continue; // the lease was left
                }
            }
        }
        foreach (string file in Directory.EnumerateFiles(_layout.Temporary))
        {
            if (DateTime.UtcNow - File.GetLastWriteTimeUtc(file) > TemporaryAge)
                File.Delete(file);
        }
    }
}
