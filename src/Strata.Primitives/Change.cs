namespace Strata;

/// <summary>One changed path.</summary>
/// <param name="Path">The path.</param>
/// <param name="Kind">How it changed.</param>
public readonly record struct Change(EntryPath Path, ChangeKind Kind)
{
    /// <summary>As <c>docker diff</c> prints it: A, C or D and the path.</summary>
    public override string ToString() => $"{Letter} {Path}";

    /// <summary>A, C or D.</summary>
    public char Letter => Kind switch { ChangeKind.Add => 'A', ChangeKind.Delete => 'D', _ => 'C' };
}
