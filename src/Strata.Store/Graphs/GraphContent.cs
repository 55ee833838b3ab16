namespace Strata.Store;

/// <summary>What a tar has made of a layer.</summary>
public enum GraphContent
{
    /// <summary>Nothing was applied.</summary>
    None = 0,

    /// <summary>Applying began, and goes on or failed: then the layer is empty, and only removing it helps.</summary>
    Begun = 1,

    /// <summary>A tar was applied, whole.</summary>
    Applied = 2,
}
