namespace Strata.Oci;

/// <summary>How images are loaded.</summary>
public sealed record LoadOptions
{
    /// <summary>The name that the image gets; null: the one that comes with it.</summary>
    public string? Name { get; init; }

    /// <summary>
    /// Which platform of a multi-platform image, <c>os/architecture[/variant]</c>, or a lower variant of it. Null: this machine's, or what it can run
    /// too; an image for one platform alone is then loaded whatever that is.
    /// </summary>
    public string? Platform { get; init; }

    /// <summary>True: all platforms of a multi-platform image; its name means the one of <see cref="Platform"/>, or the first.</summary>
    public bool AllPlatforms { get; init; }

    /// <summary>Told of progress, or null. Called from several threads.</summary>
    public IProgress<ProgressReport>? Progress { get; init; }
}
