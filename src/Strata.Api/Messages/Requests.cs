namespace Strata.Api;

internal sealed class CreateWritableRequest
{
    public string? Name { get; set; }

    /// <summary>An image or a layer, as a user names it.</summary>
    public string? From { get; set; }

    public string? Platform { get; set; }

    public Dictionary<string, string>? StorageOptions { get; set; }

    /// <summary>True: with what container runtimes mount on, in a layer that shows in no change.</summary>
    public bool Init { get; set; }

    /// <summary>CONTAINER:HOST:SIZE, several by commas; users, a slash, groups.</summary>
    public string? IdMapping { get; set; }
}

internal sealed class MountRequestBody
{
    public string? Target { get; set; }
}

internal sealed class CommitImageRequest
{
    public string? Name { get; set; }

    public List<ConfigChangeMessage>? Changes { get; set; }

    public string? Author { get; set; }

    public string? Message { get; set; }
}

internal sealed class ConfigChangeMessage
{
    public string? Instruction { get; set; }

    public string? Text { get; set; }

    /// <summary>True: quotes, backslashes and dollars in the text are just characters.</summary>
    public bool Literal { get; set; }
}

internal sealed class SaveRequest
{
    public List<string>? Images { get; set; }

    public string? Platform { get; set; }

    public string? Format { get; set; }

    public string? Compression { get; set; }

    public int? Level { get; set; }

    public bool AllPlatforms { get; set; }
}

internal sealed class NameRequest
{
    public string? Image { get; set; }

    public string? Name { get; set; }
}

internal sealed class RemoveRequest
{
    public string? Item { get; set; }

    public bool Force { get; set; }
}
