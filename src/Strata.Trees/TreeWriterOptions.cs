namespace Strata.Trees;

/// <summary>How entries are written below a root.</summary>
public sealed record TreeWriterOptions
{
    /// <summary>Threads that make files; 0: one for each core. Only used where the tree starts empty.</summary>
    public int Writers { get; init; }

    /// <summary>
    /// True: all that is in the tree comes from the entries. False: the tree starts with what lower layers hold (a copy), so what this layer
    /// wrote is remembered, 8 bytes an entry and the set's overhead.
    /// </summary>
    public bool RootStartsEmpty { get; init; } = true;

    /// <summary>How owners and devices get onto disk.</summary>
    public Ownership Ownership { get; init; }

    /// <summary>Is told of displaced and redirected contents, or null.</summary>
    public ITreeWriterObserver? Observer { get; init; }

    /// <summary>
    /// Where files go that a later entry of the same layer replaces, made when it is first needed; null: they are removed. On the same file
    /// system as the root.
    /// </summary>
    public string? DisplacedDirectory { get; init; }

    /// <summary>The attribute that marks a directory as opaque, for drivers that mark; null: marks are not used.</summary>
    public Xattr? OpaqueMark { get; init; }

    /// <summary>
    /// The attributes of a directory that an entry implies but the layer does not list, as the layers below have it; null or a null result:
    /// mode 0755, owner 0:0, time 0. Called on the writing thread at the end.
    /// </summary>
    public Func<EntryPath, LayerEntry?>? LowerDirectory { get; init; }

    /// <summary>
    /// Brings a file of a lower layer into this tree, at its path, since a hard link of this layer names it; false: there is none.
    /// Called on the writing thread, all other writers idle.
    /// </summary>
    public Func<EntryPath, bool>? BringUp { get; init; }
}
