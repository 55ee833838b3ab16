namespace Strata.Drivers;

/// <summary>What a <see cref="Leftover"/> is.</summary>
public enum LeftoverKind
{
    /// <summary>A removed layer that is not deleted yet; somebody may be about to.</summary>
    Trash,

    /// <summary>A layer that was being made.</summary>
    Unfinished,

    /// <summary>A short name, or files kept beside a layer, whose layer is gone.</summary>
    Dangling,

    /// <summary>A mount that nobody counts, or whose layer is gone.</summary>
    Mount,

    /// <summary>A count of users of a mount that is not there, or whose layer is gone.</summary>
    Count,
}
