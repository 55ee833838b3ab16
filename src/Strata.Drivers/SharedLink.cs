using Strata.Linux;

namespace Strata.Drivers;

/// <summary>Symbolic links to what lies in another home.</summary>
internal static class SharedLink
{
    /// <summary>Where a path of ours leads that may be such a link; null: it is none.</summary>
    internal static string? Find(string path) => new FileInfo(path).LinkTarget;

    /// <summary>Makes one, if there is something to link to.</summary>
    internal static bool Make(string path, string target)
    {
        if (!Path.Exists(target))
            return false;
        File.CreateSymbolicLink(path, Path.GetFullPath(target));
        return true;
    }

    /// <summary>Marks in a layer are of root's kind, or of a user's (<c>user.overlay.</c>), as whoever made it could write them.</summary>
    internal static string? FindObstacleOfMarks(string home) =>
        AttributeCalls.FindStatus(home) is { } status && status.Uid != ProcessCalls.UserId
            ? $"{home} belongs to user {status.Uid}, and this is user {ProcessCalls.UserId}: what its layers remove is marked in a way that is not understood here."
            : null;

    /// <summary>The refusal of a layer that is not there.</summary>
    internal static StrataException Missing(string home, LayerId theirs) =>
        StrataException.NotFound($"The layer {theirs} is not in {home} any more, or was never applied.");
}
