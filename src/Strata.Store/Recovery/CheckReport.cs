namespace Strata.Store;

/// <summary>What a check found.</summary>
/// <param name="Findings">All that is, or was, not as it should be.</param>
/// <param name="Layers">How many layers were checked.</param>
/// <param name="Images">How many images were checked.</param>
/// <param name="Writable">How many writable layers were checked.</param>
public sealed record CheckReport(IReadOnlyList<Finding> Findings, int Layers, int Images, int Writable)
{
    /// <summary>True: something that is needed is missing or wrong, and stays so.</summary>
    public bool IsDamaged => Findings.Any(finding => finding is { Kind: FindingKind.Damage, Repaired: false });
}
