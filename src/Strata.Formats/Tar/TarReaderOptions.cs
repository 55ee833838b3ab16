namespace Strata.Formats.Tar;

/// <summary>How a tar is read.</summary>
public sealed record TarReaderOptions
{
    /// <summary>What it may contain.</summary>
    public LayerLimits Limits { get; init; } = LayerLimits.Default;

    /// <summary>Records what is needed to rebuild the tar, or null.</summary>
    public TarRecipeRecorder? Recorder { get; init; }

    /// <summary>Gets every byte of the tar, in order, as it is passed; or null.</summary>
    public Stream? RawCopy { get; init; }

    /// <summary>How much is read at once. Less, where headers are looked for in a file and contents are skipped.</summary>
    public int BufferBytes { get; init; } = 512 * 1024;

    /// <summary>True: the source stays open when the reader is disposed.</summary>
    public bool LeaveOpen { get; init; }
}
