namespace Strata.Trees;

/// <summary>How owners, modes and devices get onto disk.</summary>
public enum Ownership
{
    /// <summary>As they are: needs the right to give files away and to make devices.</summary>
    Real,

    /// <summary>
    /// Kept in an extended attribute, for who may not: the file belongs to this process's user, devices are empty files. Symbolic links keep
    /// no owner, since they can't carry the attribute.
    /// </summary>
    Override,
}
