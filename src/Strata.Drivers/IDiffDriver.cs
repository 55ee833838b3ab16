using Strata.Formats.Tar;

namespace Strata.Drivers;

/// <summary>What a driver can tell and take as a difference between layers: Docker's <c>DiffDriver</c>.</summary>
/// <remarks>A null parent means: against nothing, so all changes are additions.</remarks>
public interface IDiffDriver
{
    /// <summary>Writes the difference between a layer and its parent as an OCI layer: an uncompressed tar.</summary>
    /// <remarks>
    /// The same tree gives the same bytes, whatever the driver: entries in depth-first order of their bytes, all metadata, whiteouts as
    /// <c>.wh.NAME</c> entries. (Docker returns a reader; writing into a stream needs no thread between the two.)
    /// </remarks>
    /// <param name="id">The layer.</param>
    /// <param name="parent">The layer to compare with, or null.</param>
    /// <param name="destination">Where the tar goes. Not closed.</param>
    /// <param name="options">How changes are found, or null.</param>
    /// <param name="cancellationToken">Ends it early; the destination then holds a broken tar.</param>
    /// <exception cref="StrataException">NotFound: there is no such layer.</exception>
    void Diff(LayerId id, LayerId? parent, Stream destination, DiffOptions? options = null, CancellationToken cancellationToken = default);

    /// <summary>Lists what changed between a layer and its parent, in depth-first order of the paths' bytes.</summary>
    /// <remarks>A directory below which something changed is itself in the list, as modified. A removed directory is one deletion.</remarks>
    IReadOnlyList<Change> Changes(LayerId id, LayerId? parent, DiffOptions? options = null, CancellationToken cancellationToken = default);

    /// <summary>Puts the content of an OCI layer into a layer that was just created.</summary>
    /// <param name="id">A layer made by <see cref="IProtoDriver.Create"/>, empty so far but for what it has from its parent.</param>
    /// <param name="parent">Its parent, or null.</param>
    /// <param name="tar">The uncompressed tar. Read to its end, end blocks and all that follows included.</param>
    /// <param name="options">Limits, recorder, progress; or null.</param>
    /// <param name="cancellationToken">Ends it early.</param>
    /// <returns>The sum of the sizes of the files in the tar, in bytes.</returns>
    /// <exception cref="StrataException">
    /// Corrupt: the tar is broken. InvalidArgument: it holds what no layer may. Exhausted: a limit, or the disk. After a failure the layer is
    /// half filled: remove it.
    /// </exception>
    long ApplyDiff(LayerId id, LayerId? parent, Stream tar, ApplyOptions? options = null, CancellationToken cancellationToken = default);

    /// <summary>The size of the difference: the sum of the sizes of added and modified files, hard links once.</summary>
    long DiffSize(LayerId id, LayerId? parent, CancellationToken cancellationToken = default);

    /// <summary>
    /// Opens the files of an applied layer, to rebuild its tar with the recipe that was recorded while it was applied (Docker's <c>DiffGetter</c>).
    /// </summary>
    IRecipeContents OpenContents(LayerId id);
}
