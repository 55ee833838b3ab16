using System.Collections.Concurrent;
using Strata.Linux;

namespace Strata.Trees;

/// <summary>What this kernel lets this process do with EROFS images that lie on a file system: found out by trying, once.</summary>
/// <remarks>
/// Tried with tiny images in files that have no name, in mounts that are attached nowhere: about a millisecond, and nothing is left, whenever the
/// process ends. A question that needs the answer of another which is no, is answered with no as well.
/// </remarks>
/// <param name="InKernel">The kernel has EROFS.</param>
/// <param name="MayMount">This process may mount it.</param>
/// <param name="FromFiles">Images and their devices are mounted as files (Linux 6.12; not on tmpfs).</param>
/// <param name="ByLoop">Images and their devices are mounted by loop devices; tried only where files are not.</param>
/// <param name="SmallBlocks">Blocks of 512 bytes (Linux 6.4), without which a tar can't be a device.</param>
/// <param name="DetachedLowers">Overlay takes mounts that are attached nowhere as lower directories (Linux 6.15).</param>
public sealed record ErofsSupport(Finding InKernel, Finding MayMount, Finding FromFiles, Finding ByLoop, Finding SmallBlocks, Finding DetachedLowers)
{
    private static readonly ConcurrentDictionary<ulong, ErofsSupport> Known = new();

    /// <summary>True if a tar and its index can be mounted here, as files or by loop devices.</summary>
    public bool MountsTars => SmallBlocks.Yes;

    /// <summary>True if mounts need the option <c>loop</c>.</summary>
    public bool NeedsLoop => !FromFiles.Yes;

    /// <summary>All answers, in the order in which they build on each other.</summary>
    public IReadOnlyList<Finding> All => [InKernel, MayMount, FromFiles, ByLoop, SmallBlocks, DetachedLowers];

    /// <summary>Why a tar can't be mounted here, and what to do; null: it can.</summary>
    public string? WhyNot => MountsTars ? null
        : !InKernel.Yes ? InKernel.ToString()
        : !MayMount.Yes ? MayMount.ToString()
        : !FromFiles.Yes && !ByLoop.Yes ? $"{FromFiles} {ByLoop}"
        : SmallBlocks.ToString();

    /// <summary>What can be done with images below a directory.</summary>
    /// <param name="directory">Must exist, and be writable if this process may mount; the answers hold for its file system and for the life of the process.</param>
    /// <exception cref="StrataException">NotFound: no such directory. PermissionDenied, Exhausted, FailedPrecondition: no file can be made there.</exception>
    public static ErofsSupport Of(string directory)
    {
        var status = AttributeCalls.FindStatus(directory) ?? throw StrataException.NotFound($"Can't try EROFS in {directory}: there is no such directory.");
        return Known.GetOrAdd(status.Device, static (_, at) => ErofsProbe.Run(at), directory);
    }
}
