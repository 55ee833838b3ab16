namespace Strata.Oci;

/// <summary>How a root file system becomes an image.</summary>
public sealed record ImportOptions
{
    /// <summary>What the image is to say.</summary>
    public ImageChanges Changes { get; init; } = new();

    /// <summary>For which platform it is, <c>os/architecture[/variant]</c>; null: this machine's.</summary>
    public string? Platform { get; init; }

    /// <summary>Whom all files of a folder belong to; null: their owners.</summary>
    public (uint Uid, uint Gid)? Owner { get; init; }
}
