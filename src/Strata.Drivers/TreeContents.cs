using System.Globalization;
using Strata.Formats.Tar;
using Strata.Linux;
using Strata.Trees;

namespace Strata.Drivers;

/// <summary>The files of a layer that lies on disk as a tree, for its recipe.</summary>
internal sealed class TreeContents : IRecipeContents
{
    private readonly RootDirectory _root;
    private readonly string _displaced;
    private readonly Action? _release;

    internal TreeContents(RootDirectory root, string displaced, Action? release = null)
    {
        _root = root;
        _displaced = displaced;
        _release = release;
    }

    public Stream Open(EntryPath path) => FileStreams.OpenRead(_root.OpenFile(path));

    public Stream OpenDisplaced(int number, EntryPath below)
    {
        if (!Directory.Exists(_displaced))
            throw StrataException.NotFound($"The directory {_displaced} with the layer's displaced files is gone.");
        using var displaced = RootDirectory.Open(_displaced);
        var name = EntryPath.Of(number.ToString(CultureInfo.InvariantCulture));
        return FileStreams.OpenRead(displaced.OpenFile(below.IsRoot ? name : EntryPath.Create([.. name.Bytes, (byte)'/', .. below.Bytes])));
    }

    public void Dispose()
    {
        _root.Dispose();
        _release?.Invoke();
    }
}
