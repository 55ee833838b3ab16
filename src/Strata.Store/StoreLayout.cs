using Strata.Trees;

namespace Strata.Store;

/// <summary>Where things lie below the root (docs/design/disk-layout.md).</summary>
internal sealed class StoreLayout(string root)
{
    internal const UnixFileMode Private = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;

    internal string Root => root;

    internal string Database => Path.Combine(root, "strata.db");

    internal string Recipes => Path.Combine(root, "recipes");

    internal string Blobs => Path.Combine(root, "blobs", "sha256");

    internal string Leases => Path.Combine(root, "leases");

    internal string Locks => Path.Combine(root, "locks");

    internal string Temporary => Path.Combine(root, "tmp");

    /// <summary>A file a layer, which says what the metadata says of it (<see cref="Fact"/>).</summary>
    internal string LayerFacts => Path.Combine(root, "layers");

    /// <summary>The same for writable layers.</summary>
    internal string WritableFacts => Path.Combine(root, "writable");

    /// <summary>The same for images.</summary>
    internal string ImageFacts => Path.Combine(root, "images");

    /// <summary>The same for layers that their owner names (<see cref="GraphFact"/>): applied ones, and those that are written to.</summary>
    internal string GraphApplied => Path.Combine(root, "graph", "applied");

    internal string GraphWritable => Path.Combine(root, "graph", "writable");

    /// <summary>Copies of the metadata of shared stores, where it can't be read as it lies there (<see cref="SharedMetadata"/>).</summary>
    internal string SharedCache => Path.Combine(root, "shared");

    /// <summary>Beginnings of blobs whose pulls did not end (<see cref="PartialBlob"/>).</summary>
    internal string Partials => Path.Combine(root, "partial");

    internal string Holds => Path.Combine(root, "holds");

    /// <summary>Collection takes it alone while it decides, who begins to use layers shared while that is said.</summary>
    internal string CollectLock => Path.Combine(Locks, "collect");

    internal string LayerFact(LayerId id) => Path.Combine(LayerFacts, id + ".json");

    internal string WritableFact(WritableRecord layer) => Path.Combine(WritableFacts, Fact.NameOf(layer));

    internal string GraphFact(GraphLayer layer) => layer.Writable ? Path.Combine(GraphWritable, Strata.Store.GraphFact.NameOf(layer)) : Path.Combine(GraphApplied, layer.Id);

    internal string ImageFact(Digest manifest) => Path.Combine(ImageFacts, manifest.Hex + ".json");

    internal string Recipe(LayerId id) => Path.Combine(Recipes, id + ".recipe");

    /// <summary>Makes the directories. Mode 0700: nobody else on the host reaches what layers hold.</summary>
    internal void Create()
    {
        Directory.CreateDirectory(root, Private);
        foreach (string directory in new[] { Recipes, Blobs, Leases, Locks, Temporary, LayerFacts, WritableFacts, ImageFacts, Path.Combine(root, "graph"), GraphApplied, GraphWritable, Holds })
            Directory.CreateDirectory(directory, Private);
    }

    /// <summary>A private file without a name for something on its way: gone when it is closed, and when the process is killed. On the store's own file system, so that it may be large.</summary>
    internal FileStream OpenTemporary()
    {
        string path = Path.Combine(Temporary, LayerId.New().ToString());
        var file = new TemporaryFile(path, $"Can't write a temporary file in {root}");
        File.Delete(path);
        return file;
    }

    /// <summary>Removes a directory tree or file; nothing there is no error.</summary>
    internal static void Remove(string path) => TreeRemover.Remove(path);
}
