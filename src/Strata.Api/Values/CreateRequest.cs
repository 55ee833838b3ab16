namespace Strata.Api;

/// <summary>A writable layer that is to be made.</summary>
internal sealed record CreateRequest
{
    /// <summary>1 to 128 of a-z A-Z 0-9 _ . -, the first a letter or digit.</summary>
    public required string Name { get; init; }

    /// <summary>The image or layer that it lies on; null: it begins empty.</summary>
    public string? From { get; init; }

    /// <summary>Which platform of the image; null: the one that its name means.</summary>
    public string? Platform { get; init; }

    /// <summary>Limits, such as <c>size</c>.</summary>
    public IReadOnlyDictionary<string, string> StorageOptions { get; init; } = new Dictionary<string, string>();

    /// <summary>True: with an init layer below it.</summary>
    public bool Init { get; init; }

    /// <summary>How its owners are shown; null: as they are.</summary>
    public IdMapping? IdMapping { get; init; }
}
