namespace Strata.Formats.Tar;

/// <summary>The files of an applied layer, as a tar recipe names them.</summary>
public interface IRecipeContents : IDisposable
{
    /// <summary>Opens the file that stands at a path of the layer's tree, symbolic links of that tree followed inside its root.</summary>
    /// <param name="path">The path.</param>
    /// <returns>A stream that knows its length and can seek; the caller disposes it.</returns>
    /// <exception cref="StrataException">NotFound: it is gone.</exception>
    Stream Open(EntryPath path);

    /// <summary>Opens a file that a later entry of the same tar displaced and that was therefore set aside.</summary>
    /// <param name="number">The number under which it was set aside.</param>
    /// <param name="below">Its path below what was set aside; the root: it is that itself.</param>
    /// <returns>A stream that knows its length and can seek; the caller disposes it.</returns>
    /// <exception cref="StrataException">NotFound: it is gone.</exception>
    Stream OpenDisplaced(int number, EntryPath below);
}
