namespace Strata.Trees;

/// <summary>What a scope knows of a name in a directory that both trees have.</summary>
public enum NameFinding
{
    /// <summary>Nothing: it must be looked at in both trees.</summary>
    Unknown,

    /// <summary>It is in the new tree only.</summary>
    Added,

    /// <summary>It is in the old tree only.</summary>
    Deleted,

    /// <summary>The same inode in both trees, which certainly differs.</summary>
    Modified,

    /// <summary>The same directory in both trees, itself the same in all that is compared: only below it something can differ.</summary>
    Same,
}
