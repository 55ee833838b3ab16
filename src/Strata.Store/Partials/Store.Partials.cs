using Strata.Trees;

namespace Strata.Store;

/// <content>What was fetched of blobs by pulls that did not end.</content>
public sealed partial class Store
{
    /// <summary>So long they stay: whoever pulls again by then goes on from them.</summary>
    private static readonly TimeSpan PartialAge = TimeSpan.FromDays(3);

    /// <summary>The beginning of a blob that was fetched before, or an empty one to be filled; null: another pull has it just now, or there is no room.</summary>
    /// <param name="blob">The blob. Its digest is all that says what the bytes are: it must be compared over all of them.</param>
    /// <param name="sizeBytes">Its size; a longer file is no beginning of it.</param>
    public PartialBlob? TryOpenPartial(Digest blob, long sizeBytes)
    {
        try
        {
            Directory.CreateDirectory(_layout.Partials, StoreLayout.Private);
        }
        catch (Exception e) when (FileErrors.Is(e))
        {
            return null;
        }
        return PartialBlob.TryOpen(Path.Combine(_layout.Partials, $"{blob.Algorithm}-{blob.Hex}"), sizeBytes);
    }

    /// <summary>Removes those that nobody came back for.</summary>
    private void CollectPartials(bool dryRun, List<(string, Usage)> swept)
    {
        if (!Directory.Exists(_layout.Partials))
            return;
        foreach (string path in Directory.GetFiles(_layout.Partials).Where(path => DateTime.UtcNow - File.GetLastWriteTimeUtc(path) > PartialAge))
        {
            var usage = TreeUsage.Measure(path);
            if (!dryRun)
            {
                if (ProcessLock.TryAcquireNamed(path) is not { } free)
                    continue;
                free.Delete(path);
            }
            swept.Add((path, usage));
        }
    }
}
