using Strata.Trees;

namespace Strata.Store;

/// <summary>
/// Which layers Docker still has, by its own records: <c>image/DRIVER/layerdb</c> below its data root, as Docker 1.10 to 27 keeps them
/// (github.com/moby/moby, layer/filestore.go). Read anew with each instance.
/// </summary>
internal sealed class DockerRecords
{
    private static readonly EnumerationOptions _all = new() { IgnoreInaccessible = false, AttributesToSkip = 0 };
    private readonly Dictionary<string, string?> _layers = new(StringComparer.Ordinal);

    /// <summary>Reads them.</summary>
    /// <param name="home">The directory that Docker gave its graph driver: DATA-ROOT/DRIVER.</param>
    internal DockerRecords(string home)
    {
        DataRoot = Path.GetDirectoryName(Path.GetFullPath(home)) ?? "/";
        string records = Path.Combine(DataRoot, "image", Path.GetFileName(home), "layerdb");
        AreThere = Directory.Exists(records);
        if (!AreThere)
            return;
        foreach (string directory in Below(records, "mounts"))
        {
            Add(Path.Combine(directory, "mount-id"), $"container {Path.GetFileName(directory)}");
            Add(Path.Combine(directory, "init-id"), $"container {Path.GetFileName(directory)}");
        }
        // With more to its name than a digest, it is being removed: Docker does that, and goes on when it starts.
        foreach (string directory in Below(records, "sha256"))
            Add(Path.Combine(directory, "cache-id"), Path.GetFileName(directory).Length == 64 ? $"image layer sha256:{Path.GetFileName(directory)}" : null);
        foreach (string directory in Below(records, "tmp"))
            Add(Path.Combine(directory, "cache-id"), null);
    }

    /// <summary>Docker's data root.</summary>
    internal string DataRoot { get; }

    /// <summary>False: Docker has none, or its data root is gone or not mounted.</summary>
    internal bool AreThere { get; }

    /// <summary>All layers that Docker knows, with what they are of; null: it is just making or removing them.</summary>
    internal IReadOnlyDictionary<string, string?> Layers => _layers;

    /// <summary>True while a dockerd runs on that data root. It keeps this database locked (flock(2)) for as long.</summary>
    internal bool IsDockerRunning
    {
        get
        {
            string database = Path.Combine(DataRoot, "volumes", "metadata.db");
            if (!File.Exists(database))
                return false;
            using var free = ProcessLock.TryAcquire(database);
            return free is null;
        }
    }

    private static string[] Below(string records, string name)
    {
        string directory = Path.Combine(records, name);
        return Directory.Exists(directory) ? Directory.GetDirectories(directory, "*", _all) : [];
    }

    private void Add(string file, string? owner)
    {
        try
        {
            _layers[File.ReadAllText(file).Trim()] = owner;
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            return; // a container without an init layer, or removed since the directory was listed
        }
    }
}
