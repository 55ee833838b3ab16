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

    /// <summary>True: the source stays open when the reader is disposed.</summary>
    public bool LeaveOpen { get; init; }
}
