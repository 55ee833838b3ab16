using System.Runtime.ExceptionServices;
using Strata.Linux;
using Strata.Trees;

namespace Strata.Drivers;

/// <content>What was removed and is not deleted yet.</content>
public abstract partial class ProtoDriver : ITrash
{
    private const int SmallInodes = 300;
    private const long SmallBytes = 32 << 20;
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(20);

    private string Trash => Path.Combine(Home, ".trash");

    /// <inheritdoc/>
    public bool KeepsTrash { get; set; }

    /// <inheritdoc/>
    public bool HasTrash => Directory.Exists(Trash) && Directory.EnumerateFileSystemEntries(Trash).Any();

    /// <inheritdoc/>
    public bool IsTrashSmall => !Directory.Exists(Trash) || TreeUsage.IsAtMost(Trash, SmallInodes, SmallBytes);

    /// <inheritdoc/>
    public void EmptyTrash(bool wait, CancellationToken cancellationToken = default)
    {
        Exception? first = null;
        while (HasTrash && first is null)
        {
            // On the directory itself: when no inode is left, emptying must still work.
            using (var only = FileLock.TryAcquireDirectory(Trash))
            {
                if (only is not null)
                    first = DeleteAll(cancellationToken);
                else if (!wait)
                    return;
            }
            // Looked at again after the lock was given back: who came meanwhile saw that somebody deletes, and went away.
            if (wait && first is null && HasTrash && cancellationToken.WaitHandle.WaitOne(Pause))
                cancellationToken.ThrowIfCancellationRequested();
        }
        if (first is not null)
            ExceptionDispatchInfo.Throw(first);
    }

    private Exception? DeleteAll(CancellationToken cancellationToken)
    {
        Exception? first = null;
        foreach (string entry in Directory.EnumerateFileSystemEntries(Trash))
        {
            cancellationToken.ThrowIfCancellationRequested();
            try
            {
                DeleteTrashed(entry);
            }
            catch (Exception e) when (e is StrataException || FileErrors.Is(e))
            {
                first ??= e is StrataException ? e : FileErrors.Translate(e, $"Can't delete {entry}");
            }
        }
        return first;
    }

    /// <summary>Each removed layer is deleted by one thread; what other processes removed is theirs to delete.</summary>
    private void DeleteRemoved()
    {
        while (_trashed.TryTake(out string? trashed))
        {
            if (!KeepsTrash)
                DeleteTrashed(trashed);
        }
    }

    /// <summary>Deletes what removals, also interrupted ones, left in the trash. What can't be deleted now stays for the next time.</summary>
    private void SweepTrash()
    {
        if (!Directory.Exists(Trash))
            return;
        foreach (string entry in Directory.EnumerateFileSystemEntries(Trash))
            DeleteTrashed(entry);
    }
}
