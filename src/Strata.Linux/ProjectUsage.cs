namespace Strata.Linux;

/// <summary>What the kernel knows of a project (struct if_dqblk, linux/quota.h).</summary>
/// <param name="SizeLimitBytes">How many bytes it may take; 0: as many as there are.</param>
/// <param name="InodeLimit">How many inodes; 0: as many as there are.</param>
/// <param name="SizeBytes">How many bytes it takes.</param>
/// <param name="Inodes">How many inodes.</param>
public readonly record struct ProjectUsage(long SizeLimitBytes, long InodeLimit, long SizeBytes, long Inodes)
{
    /// <summary>True: nobody uses the project.</summary>
    public bool IsFree => this == default;
}
