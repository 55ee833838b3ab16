namespace Strata.Drivers.Tests;

/// <summary>The zfs driver over zfs-fuse.</summary>
public sealed class ZfsTests
{
    /// <summary>zfs-fuse on a busy machine stands still now and then, waiting for itself; then its daemon is ended, and all begins anew. Whatever else fails, fails.</summary>
    [Fact]
    public void Layers_live_are_compared_limited_and_refuse_what_zfs_fuse_does_not_keep()
    {
        for (int attempt = 1; ; attempt++)
        {
            using var run = new ZfsRun();
            try
            {
                run.LiveCompareLimitAndRefuse();
                return;
            }
            catch (Exception) when (run.StoodStill && attempt < 4)
            {
                continue;
            }
        }
    }
}
