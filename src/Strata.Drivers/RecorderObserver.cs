using Strata.Formats.Tar;
using Strata.Trees;

namespace Strata.Drivers;

/// <summary>Tells a layer's recipe what the writer of its tree did with contents.</summary>
internal sealed class RecorderObserver(TarRecipeRecorder recorder) : ITreeWriterObserver
{
    public void Displaced(EntryPath path, int number, long atEntryIndex) => recorder.Displaced(path, number, atEntryIndex);

    public void WrittenAt(long entryIndex, EntryPath actualPath) => recorder.WrittenAt(entryIndex, actualPath);

    internal static RecorderObserver? Of(TarRecipeRecorder? recorder) => recorder is null ? null : new RecorderObserver(recorder);
}
