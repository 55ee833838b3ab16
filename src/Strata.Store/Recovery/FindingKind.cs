namespace Strata.Store;

/// <summary>What a <see cref="Finding"/> means.</summary>
public enum FindingKind
{
    /// <summary>Something that is needed is missing or wrong.</summary>
    Damage,

    /// <summary>Something is there that nothing needs: it takes space and hurts nobody.</summary>
    Leftover,
}
