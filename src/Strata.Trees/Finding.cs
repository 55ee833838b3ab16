namespace Strata.Trees;

/// <summary>One thing that a kernel can or can't do here, with the words for it.</summary>
/// <param name="What">What was looked for.</param>
/// <param name="Yes">True: it is there.</param>
/// <param name="Words">"yes", or why not and what to do.</param>
public sealed record Finding(string What, bool Yes, string Words)
{
    /// <summary>A line for people.</summary>
    public override string ToString() => $"{What}: {Words}";

    internal static Finding Good(string what) => new(what, true, "yes");

    internal static Finding Bad(string what, string why) => new(what, false, "no: " + why);
}
