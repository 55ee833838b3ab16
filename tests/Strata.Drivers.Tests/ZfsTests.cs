namespace Strata.Drivers.Tests;

/// <summary>The zfs driver over zfs-fuse.</summary>
[Collection("mount namespaces")] // a new one has a copy of each mount, and a FUSE daemon waits for the last to go
public sealed class ZfsTests
{
    /// <summary>
    /// zfs-fuse stands still now and then, waiting for itself, or never notices that something was unmounted and calls it busy for ever; then its daemon is
    /// ended, and all begins anew. Whatever else fails, fails.
    /// </summary>
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
            catch (Exception e) when (attempt < 7 && (run.StoodStill || (e is StrataException && e.Message.Contains("dataset is busy", StringComparison.Ordinal))))
            {
                continue;
            }
        }
    }
}
