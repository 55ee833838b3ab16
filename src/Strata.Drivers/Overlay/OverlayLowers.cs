namespace Strata.Drivers.Overlay;

/// <summary>The directories of an overlay mount below its upper one, nearest first.</summary>
/// <param name="Directories">The directories; empty: they are given open.</param>
internal readonly record struct OverlayLowers(IReadOnlyList<string> Directories)
{
    private readonly IReadOnlyList<string>? _own;

    /// <summary>With a mapping: directories above the others that have the owners of the mapping on disk.</summary>
    internal IReadOnlyList<string> Own
    {
        get => _own ?? [];
        init => _own = value;
    }

    /// <summary>How the owners in the directories are shown; null: as they are.</summary>
    internal IdMapping? Mapping { get; init; }

    /// <summary>With a mapping: a directory that all of them are below, with no mounts between; null: not known.</summary>
    internal string? Below { get; init; }

    /// <summary>True: there are none.</summary>
    internal bool IsEmpty => Directories.Count == 0 && Own.Count == 0;

    /// <summary>With another directory on top, whose owners on disk are those that are shown.</summary>
    internal OverlayLowers Under(string top) => Mapping is null ? this with { Directories = [top, .. Directories] } : this with { Own = [top, .. Own] };
}
