using Strata.Linux;
using Strata.Trees;

namespace Strata.Drivers.Btrfs;

/// <content>Layers of other homes: snapshots of them. They share all their blocks, and stay when the other home's are removed.</content>
public sealed partial class BtrfsDriver : ISharedLayers
{
    /// <inheritdoc/>
    public string? FindSharingObstacle(string home)
    {
        if (FsMagic.Of(home) != FsMagic.Btrfs)
            return $"{home} is on {FsMagic.Of(home)}, and a snapshot can only be made of a layer on the same btrfs as {Home}.";
        using var mine = FileCalls.Open(Home, OpenFlags.ReadOnly | OpenFlags.Directory);
        using var theirs = FileCalls.Open(home, OpenFlags.ReadOnly | OpenFlags.Directory);
        return BtrfsCalls.GetFileSystemId(mine) == BtrfsCalls.GetFileSystemId(theirs)
            ? null
            : $"{home} is on another btrfs, and a snapshot can only be made of a layer on the same one as {Home}.";
    }

    /// <inheritdoc/>
    public void Link(LayerId id, LayerId? parent, string home, LayerId theirs)
    {
        const string name = "layer";
        CheckLink(id, parent, home);
        string source = Path.Combine(home, "subvolumes", theirs.ToString());
        if (!Directory.Exists(source))
            throw SharedLink.Missing(home, theirs);
        string displaced = Path.Combine(home, ".displaced", theirs.ToString());
        if (Directory.Exists(displaced))
        {
            Directory.CreateDirectory(SideDirectoryOf(id));
            using var from = RootDirectory.Open(displaced);
            using var to = RootDirectory.Open(SideDirectoryOf(id));
            TreeCopier.Copy(from, to); // few, and they share blocks, too
        }
        using var temporary = TemporaryDirectory.Create(_temporary, Subvolumes.Remove);
        using (var below = Subvolumes.Open(source))
        {
            Subvolumes.Snapshot(below, temporary.Path, name, readOnly: false);
            using var made = Subvolumes.Open(Path.Combine(temporary.Path, name));
            Subvolumes.SnapshotNested(below, made);
        }
        NameCalls.Rename(Path.Combine(temporary.Path, name), PathOf(id), NameCalls.RenameNoReplace);
    }

    /// <inheritdoc/>
    public string? FindLink(LayerId id) => null;
}
