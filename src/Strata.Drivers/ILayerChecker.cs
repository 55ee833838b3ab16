namespace Strata.Drivers;

/// <summary>A driver that can compare what it made of a layer with what it made it of.</summary>
public interface ILayerChecker
{
    /// <summary>Checks one layer. Nothing of it is changed without <paramref name="repair"/>; mounted or not makes no difference.</summary>
    /// <param name="id">The layer.</param>
    /// <param name="repair">True: what can be made again is made again.</param>
    /// <param name="cancellationToken">Ends it early; nothing is left half made.</param>
    /// <returns>What was found; empty: all is as it should be.</returns>
    /// <exception cref="StrataException">NotFound: there is no such layer.</exception>
    IReadOnlyList<LayerProblem> CheckLayer(LayerId id, bool repair, CancellationToken cancellationToken = default);
}
