namespace Strata.Drivers;

/// <summary>What a layer's diff holds, in depth-first order of the paths' bytes: the pull side of <see cref="IDiffDriver.Diff"/>.</summary>
public interface ILayerSource : IDisposable
{
    /// <summary>The entry at which the source stands, whiteouts included; valid after <see cref="MoveNext"/> returned true.</summary>
    LayerEntry Current { get; }

    /// <summary>How the current entry differs from the parent.</summary>
    ChangeKind CurrentChange { get; }

    /// <summary>Goes to the next entry; false at the end.</summary>
    bool MoveNext(CancellationToken cancellationToken);

    /// <summary>Opens the content of the current entry, a regular file. Valid until the next <see cref="MoveNext"/>.</summary>
    EntryContent OpenContent();
}
