using Strata.Formats.Tar;

namespace Strata.Drivers;

/// <summary>How a layer is applied.</summary>
public sealed record ApplyOptions
{
    /// <summary>The defaults.</summary>
    public static ApplyOptions Default { get; } = new();

    /// <summary>What the layer may contain.</summary>
    public LayerLimits Limits { get; init; } = LayerLimits.Default;

    /// <summary>
    /// Records what the tar holds beside the contents of its files, so that it can be rebuilt byte for byte; null: nothing is recorded.
    /// Owned by the caller, who completes it after ApplyDiff returned.
    /// </summary>
    public TarRecipeRecorder? Recorder { get; init; }

    /// <summary>Told of the bytes of the tar that were read, or null.</summary>
    public IProgress<ProgressReport>? Progress { get; init; }

    /// <summary>How many threads may write files at once; 0: one for each core.</summary>
    public int Writers { get; init; }

    /// <summary>
    /// Waits until the parent is applied. Set by who applies the layers of an image at the same time; called by a driver only if this layer
    /// turns out to need something of the layers below.
    /// </summary>
    public Action? AwaitParent { get; init; }
}
