namespace Strata.Drivers.Vfs;

/// <content>Layers of other homes: <c>dir/ID</c> is a symbolic link. What is made on one is a copy, as of any other.</content>
public sealed partial class VfsDriver : ISharedLayers
{
    /// <inheritdoc/>
    public string? FindSharingObstacle(string home) => null; // no marks: what a layer removes is not in it

    /// <inheritdoc/>
    public void Link(LayerId id, LayerId? parent, string home, LayerId theirs)
    {
        CheckLink(id, parent, home);
        string displaced = SideDirectoryOf(id), theirDisplaced = Path.Combine(home, ".displaced", theirs.ToString());
        if (Directory.Exists(theirDisplaced))
        {
            Directory.CreateDirectory(Path.GetDirectoryName(displaced)!);
            SharedLink.Make(displaced, theirDisplaced); // first: without its layer it is swept
        }
        if (SharedLink.Make(PathOf(id), Path.Combine(home, "dir", theirs.ToString())))
            return;
        Trees.TreeRemover.Remove(displaced);
        throw SharedLink.Missing(home, theirs);
    }

    /// <inheritdoc/>
    public string? FindLink(LayerId id) => SharedLink.Find(PathOf(id));
}
