namespace Strata.Drivers;

/// <summary>A driver that can use the layers of another home of the same driver where they lie, without copying them. It only reads there.</summary>
/// <remarks>
/// <para>
/// A layer of another home gets an ID here, and a place among the layers here: what is counted, locked, mounted or made of it (indexes, merged
/// trees, roots) is kept in this home. Its content is a symbolic link to where it lies, or, where the file system can, a snapshot of it. So all
/// that a driver does with a layer it does with a linked one, and removing one removes the link.
/// </para>
/// <para>What lies there must stay as it is. When it is gone, layers here that lie on it can't be mounted or read until it is back.</para>
/// <code>
/// if (driver is ISharedLayers sharing &amp;&amp; sharing.FindSharingObstacle(theirHome) is null)
///     sharing.Link(id, parent, theirHome, theirId);
/// </code>
/// </remarks>
public interface ISharedLayers
{
    /// <summary>Why the layers of another home can't be used here; null: they can. Reads attributes only.</summary>
    /// <param name="home">The driver's directory in the other store.</param>
    string? FindSharingObstacle(string home);

    /// <summary>Makes a layer whose content is that of an applied layer in another home.</summary>
    /// <param name="id">A new ID.</param>
    /// <param name="parent">What it lies on here, or null: the same as it lies on there.</param>
    /// <param name="home">The other home.</param>
    /// <param name="theirs">The layer's ID there.</param>
    /// <exception cref="StrataException">
    /// NotFound: it is not there, or the parent is not here. AlreadyExists. NotSupported: it can't be used here. After a failure or a crash there is no layer.
    /// </exception>
    void Link(LayerId id, LayerId? parent, string home, LayerId theirs);

    /// <summary>Where the content of a linked layer lies, whether it still does or not; null: the layer is not linked, or not there.</summary>
    string? FindLink(LayerId id);
}
