namespace Strata.Drivers;

/// <summary>A driver whose layers name those they lie on, and that can write this anew and put one layer's content in another's place.</summary>
public interface ILayerStructure
{
    /// <summary>The layers that a layer lies on, nearest first, as the driver keeps them.</summary>
    /// <exception cref="StrataException">NotFound: there is no such layer. Corrupt: what the driver keeps of it is damaged.</exception>
    IReadOnlyList<LayerId> GetLayersBelow(LayerId id);

    /// <summary>Compares what the driver keeps of a layer's place among others with what it must be. Reads small files, no content.</summary>
    /// <param name="id">The layer.</param>
    /// <param name="parent">What it lies on, or null.</param>
    /// <param name="repair">True: what can be written anew is; nobody may mount the layer meanwhile.</param>
    /// <exception cref="StrataException">NotFound: there is no such layer.</exception>
    IReadOnlyList<LayerProblem> CheckStructure(LayerId id, LayerId? parent, bool repair);

    /// <summary>Puts another layer's content in the place of this one's, whose children keep lying on it; the other has the old content then, and is to be removed.</summary>
    /// <remarks>
    /// One rename of the content: whoever looks sees the old or the new. A mount that lies on the layer goes on showing the old files, as long as they
    /// are there; so no layer above it should be mounted. What was made of the old content (indexes, merged trees) is removed, also in layers above.
    /// </remarks>
    /// <param name="id">The layer. It is applied, not written to.</param>
    /// <param name="whole">A layer on the same parent.</param>
    /// <exception cref="StrataException">NotFound: one of them is not there.</exception>
    void ReplaceContent(LayerId id, LayerId whole);
}
