using Strata.Trees;

namespace Strata.Drivers.Overlay;

/// <summary>Makes the description of an overlay mount, for every driver that stacks.</summary>
internal static class OverlayOptions
{
    /// <summary>A stack that can be written to: what is written goes to the upper directory.</summary>
    internal static Mount Writable(OverlayFeatures features, OverlayLowers lowers, string upper, string work, IEnumerable<string> more, string? label)
    {
        // A kernel may have these on by default; what they write into an upper directory only this mount's own settings could read.
        var options = Begin(features, "metacopy=off", lowers);
        options.Add("upperdir=" + OverlayPaths.Escape(upper));
        options.Add("workdir=" + OverlayPaths.Escape(work));
        return End(options, more, label, lowers);
    }

    /// <summary>A stack that can't be written to; at least two directories.</summary>
    internal static Mount ReadOnly(OverlayFeatures features, OverlayLowers stack, IEnumerable<string> more, string? label)
    {
        // It writes no such marks, and must follow those that other tools' mounts have written.
        var options = Begin(features, "metacopy=on", stack);
        options.Add("ro");
        return End(options, more, label, stack);
    }

    /// <summary>SELinux's option for a label. In quotes: a label's categories have commas between them, at which mount(2) options are split (mount(8)).</summary>
    /// <exception cref="StrataException">InvalidArgument: it is no label, but would end the option and begin others.</exception>
    internal static string ContextOf(string label) =>
        label.AsSpan().IndexOfAnyExceptInRange('!', '~') < 0 && label.AsSpan().IndexOfAny('"', '\\', '\'') < 0
            ? $"context=\"{label}\""
            : throw StrataException.InvalidArgument($"'{label}' is not an SELinux label: it holds spaces, quotes, backslashes or control characters.");

    private static List<string> Begin(OverlayFeatures features, string metacopy, OverlayLowers lowers)
    {
        var options = new List<string>();
        if (features.CanTurnIndexOff)
            options.Add("index=off");
        if (features.CanTurnMetacopyOff && !features.UserXattr)
            options.Add(metacopy);
        if (features.UserXattr)
            options.Add("userxattr");
        foreach (string own in lowers.Own) // beside a mapping: what has its owners on disk
            options.Add("lowerdir+=" + own);
        string list = string.Join(':', lowers.Directories.Select(OverlayPaths.Escape));
        if (list.Length > 0) // else they are given open
            options.Add("lowerdir=" + list);
        return options;
    }

    private static Mount End(List<string> options, IEnumerable<string> more, string? label, OverlayLowers lowers)
    {
        options.AddRange(more);
        if (lowers.Mapping is { } mapping)
            options.AddRange(IdMappedMounts.OptionsFor(mapping));
        if (lowers is { Mapping: not null, Below: { } below })
            options.Add(IdMappedMounts.OptionForBelow(below));
        if (!string.IsNullOrEmpty(label))
            options.Add(ContextOf(label));
        return new Mount("overlay", "overlay", "", options);
    }
}
