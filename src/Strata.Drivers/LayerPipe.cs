using Strata.Formats.Layers;
using Strata.Formats.Tar;

namespace Strata.Drivers;

/// <summary>Between a tar and a driver, in both directions. Knows neither where the tar comes from nor where the entries go.</summary>
public static class LayerPipe
{
    private const long ProgressStepBytes = 4 << 20;

    /// <summary>Feeds a tar to a sink, to its very end.</summary>
    /// <returns>The sum of the sizes of the files in it.</returns>
    public static long Apply(Stream tar, ILayerSink sink, ApplyOptions options, CancellationToken cancellationToken)
    {
        using var reader = new LayerReader(
            tar, new TarReaderOptions { Limits = options.Limits, Recorder = options.Recorder, RawCopy = sink.RawTar, LeaveOpen = true });
        long sizeBytes = 0;
        long reported = 0;
        while (reader.ReadNext(cancellationToken) is { } entry)
        {
            sizeBytes += entry.SizeBytes;
            sink.Add(entry, entry.Kind == EntryKind.RegularFile ? reader.Content : EntryContent.Empty, new EntryPosition(reader.EntryIndex, reader.DataOffsetBytes));
            if (options.Progress is not null && reader.PositionBytes - reported >= ProgressStepBytes)
            {
                reported = reader.PositionBytes;
                options.Progress.Report(new ProgressReport("apply", reported, -1));
            }
        }
        sink.Complete();
        options.Progress?.Report(new ProgressReport("apply", reader.PositionBytes, reader.PositionBytes));
        return sizeBytes;
    }

    /// <summary>Writes what a source holds as a tar.</summary>
    public static void Write(ILayerSource source, Stream destination, IProgress<ProgressReport>? progress, CancellationToken cancellationToken)
    {
        using var writer = new LayerWriter(destination, leaveOpen: true);
        long written = 0;
        while (source.MoveNext(cancellationToken))
        {
            var entry = source.Current;
            if (entry.Kind == EntryKind.RegularFile && entry.SizeBytes > 0)
            {
                writer.Write(entry, source.OpenContent());
                written += entry.SizeBytes;
                progress?.Report(new ProgressReport("diff", written, -1));
            }
            else
            {
                writer.Write(entry, EntryContent.Empty);
            }
        }
        writer.Complete();
    }

    /// <summary>The sum of the sizes of a source's files, hard links once.</summary>
    public static long Measure(ILayerSource source, CancellationToken cancellationToken)
    {
        long sizeBytes = 0;
        while (source.MoveNext(cancellationToken))
            sizeBytes += source.Current.SizeBytes;
        return sizeBytes;
    }
}
