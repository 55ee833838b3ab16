namespace Strata.Linux;

/// <summary>What a file system does with project quotas.</summary>
public enum QuotaState
{
    /// <summary>The file system or kernel knows none.</summary>
    Unknown,

    /// <summary>It could, but is mounted without.</summary>
    Off,

    /// <summary>It counts what a project takes, and limits nothing.</summary>
    Counted,

    /// <summary>It counts and limits.</summary>
    Enforced,
}
