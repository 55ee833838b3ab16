namespace Strata.Drivers;

/// <summary>Whether a driver can serve for a root.</summary>
/// <param name="Name">The driver.</param>
/// <param name="Reason">Null: it can. Else what it lacks, and what would mend that.</param>
public sealed record DriverProbe(string Name, string? Reason)
{
    /// <summary>True: it can serve.</summary>
    public bool CanServe => Reason is null;
}
