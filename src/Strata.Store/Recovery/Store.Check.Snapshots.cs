using Strata.Drivers;

namespace Strata.Store;

/// <content>Checking snapshots.</content>
public sealed partial class Store
{
    /// <summary>Of a snapshot that was not committed nobody promised that a power cut leaves its files: they may be gone, or torn. It can be looked up and removed all the same.</summary>
    private void CheckSnapshots(CheckOptions options, Findings findings, CancellationToken cancellationToken)
    {
        foreach (var snapshot in _database.Read(s => s.ListWhole($"SELECT {SnapshotRows.Columns} FROM snapshots", SnapshotRows.Read)))
        {
            cancellationToken.ThrowIfCancellationRequested();
            if (snapshot.OwnsLayer) // others show a layer, which is told by itself
                Try($"snapshot '{snapshot.Key}'", findings, () => CheckSnapshot(snapshot, options, findings));
        }
    }

    private void CheckSnapshot(SnapshotRecord snapshot, CheckOptions options, Findings findings)
    {
        string subject = $"snapshot '{snapshot.Key}'";
        bool there = Driver.Exists(snapshot.DriverId);
        var parent = snapshot.Parent is { } below ? _database.Read(s => s.FindSnapshot(below))?.DriverId : null;
        var problems = there && Driver is ILayerStructure structure ? structure.CheckStructure(snapshot.DriverId, parent, options.Repair) : [];
        if ((there && problems.Count == 0) || _database.Read(s => s.FindSnapshot(snapshot.Key))?.DriverId != snapshot.DriverId)
            return; // whole, or removed or committed meanwhile
        if (!there)
        {
            findings.Damage(
                subject, $"The {Driver.Name} driver has no layer {snapshot.DriverId}: its files are gone.", "Remove what uses it from containerd: the container, or the image, to get it again.");
        }
        foreach (var problem in problems)
            findings.Damage(subject, problem.What, problem.Advice, problem.Repaired);
    }
}
