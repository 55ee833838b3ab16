using Strata.Trees;

namespace Strata.Drivers;

/// <summary>A driver whose file system can tell where two layers differ, so that <see cref="NaiveDiffDriver"/> need not walk both.</summary>
internal interface IScopedDriver
{
    /// <summary>Where a layer and one that it lies on can differ; null: that is not known here.</summary>
    /// <param name="id">The layer.</param>
    /// <param name="parent">The other one.</param>
    /// <param name="newTree">Where the layer is mounted.</param>
    /// <param name="oldTree">Where the other one is mounted.</param>
    /// <param name="cancellationToken">Ends it early.</param>
    ITreeScope? FindScope(LayerId id, LayerId parent, string newTree, string oldTree, CancellationToken cancellationToken);
}
