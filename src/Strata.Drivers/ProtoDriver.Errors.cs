using Strata.Linux;
using Strata.Trees;

namespace Strata.Drivers;

/// <content>How failures are told: by what is wrong on disk, where that is known; always as an error of this library.</content>
public abstract partial class ProtoDriver
{
    /// <summary>What is wrong with what a layer and those below it have on disk, and what to do; null: nothing that is known. Looked for only when something has failed.</summary>
    protected virtual string? FindDamage(LayerId id) => null;

    /// <summary>For an exception filter: a better error than one that was thrown; null: it is good as it is.</summary>
    /// <param name="e">What was thrown.</param>
    /// <param name="id">The layer that something was done with.</param>
    /// <param name="what">What: <c>mount</c>.</param>
    internal StrataException? Retold(Exception e, LayerId id, string what)
    {
        if (e is StrataException { Kind: not (ErrorKind.Exhausted or ErrorKind.Corrupt) } or IOException && FindDamage(id) is { } damage)
            return StrataException.Corrupt($"Can't {what} layer {id}: {damage}", e);
        return FileErrors.Is(e) ? FileErrors.Translate(e, $"Can't {what} layer {id}") : null;
    }

    /// <summary>Makes a directory of the driver's own, if it is not there.</summary>
    /// <exception cref="StrataException">Corrupt: something else has its place. Others: it can't be made.</exception>
    internal static void MakeDirectory(string path, UnixFileMode mode)
    {
        try
        {
            Directory.CreateDirectory(path, mode);
        }
        catch (Exception e) when (FileErrors.Is(e))
        {
            for (string? at = path; at is not null; at = Path.GetDirectoryName(at))
            {
                if (FindNoDirectory(at) is { } damage)
                    throw StrataException.Corrupt(damage, e);
            }
            throw FileErrors.Translate(e, $"Can't make {path}");
        }
    }

    /// <summary>What to do about a layer whose files are damaged.</summary>
    private protected const string MakeAgain = "Remove the layer, and make it again or load its image again.";

    /// <summary>Says that something else is where a directory of a layer should be; null: there is none, or each is one.</summary>
    private protected static string? FindNoDirectories(params string[] paths) => paths.Select(path => FindNoDirectory(path, MakeAgain)).FirstOrDefault(damage => damage is not null);

    /// <summary>Says that something else is where a directory should be; null: there is none, or it is one.</summary>
    /// <param name="path">The directory, or a link to it.</param>
    /// <param name="advice">What to do; null: it belongs to the driver, not to a layer.</param>
    private protected static string? FindNoDirectory(string path, string? advice = null) =>
        Directory.Exists(path) || AttributeCalls.FindStatus(path) is not { } status
            ? null
            : $"{path} {(status.Type == NameCalls.TypeSymlink ? "leads nowhere" : "is not a directory")}. {advice ?? "Move it away, and try again."}";
}
