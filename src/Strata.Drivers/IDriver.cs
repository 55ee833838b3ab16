using Strata.Linux;
using Strata.Trees;

namespace Strata.Drivers;

/// <summary>A whole driver: Docker's <c>Driver</c>.</summary>
public interface IDriver : IProtoDriver, IDiffDriver
{
    /// <summary>Opens a layer's whole tree, all that lies below it included, as a source of additions: what <see cref="IDiffDriver.Diff"/> against nothing writes.</summary>
    /// <remarks>
    /// Sparse files keep their holes, which a tar would fill. By default the layer is held by Get and walked; a driver that sees its trees
    /// without mounting them does better.
    /// </remarks>
    /// <param name="id">The layer.</param>
    /// <returns>The source; disposed by the caller, gives the layer back then.</returns>
    /// <exception cref="StrataException">NotFound: there is no such layer.</exception>
    ILayerSource OpenTree(LayerId id)
    {
        string path = Get(id);
        var held = new Held(this, id);
        try
        {
            var tree = RootDirectory.Open(path);
            return new TreeSource(new TreeComparer(null, tree, new TreeCompareOptions { UseOverrides = !ProcessCalls.CanOwn, NewOwners = FindIdMapping(id) is { } mapping ? new OwnerMap(mapping) : null }), tree, held);
        }
        catch
        {
            held.Dispose();
            throw;
        }
    }

    private sealed class Held(IProtoDriver driver, LayerId id) : IDisposable
    {
        public void Dispose() => driver.Put(id);
    }
}
