namespace Strata.Oci;

/// <summary>How images are loaded.</summary>
public sealed record LoadOptions
{
    /// <summary>The name that the image gets; null: the one that comes with it.</summary>
    public string? Name { get; init; }

    /// <summary>Which platform of a multi-platform image, <c>os/architecture</c>; null: this machine's.</summary>
    public string? Platform { get; init; }

    /// <summary>Told of progress, or null. Called from several threads.</summary>
    public IProgress<ProgressReport>? Progress { get; init; }
}
