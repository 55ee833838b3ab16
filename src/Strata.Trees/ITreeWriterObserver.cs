namespace Strata.Trees;

/// <summary>Is told where contents went that are not where their entry's path says. Called from many threads.</summary>
public interface ITreeWriterObserver
{
    /// <summary>What stood at a path when an entry came was set aside under a number.</summary>
    void Displaced(EntryPath path, int number, long atEntryIndex);

    /// <summary>An entry's path led through a symbolic link of the same layer.</summary>
    void WrittenAt(long entryIndex, EntryPath actualPath);
}
