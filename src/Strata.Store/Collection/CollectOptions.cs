namespace Strata.Store;

/// <summary>How garbage is collected.</summary>
public sealed record CollectOptions
{
    /// <summary>Nothing is changed: only told.</summary>
    public bool DryRun { get; init; }

    /// <summary>Images without a name go too, if no writable layer was made from them and no lease holds them.</summary>
    public bool UnnamedImages { get; init; }

    /// <summary>Told of what is removed, or null.</summary>
    public IProgress<ProgressReport>? Progress { get; init; }
}
