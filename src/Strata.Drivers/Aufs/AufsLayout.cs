using System.Text;

namespace Strata.Drivers.Aufs;

/// <summary>Where things lie: the layout of Docker's aufs driver.</summary>
/// <remarks>
/// <code>
/// layers/ID     the layers below, nearest first, one a line; empty for a base
/// diff/ID/      what the layer holds: a branch
/// mnt/ID/       the mount point
/// .views/ID/    ours: the branch with overlayfs's marks, its files hard links to the branch's; a cache
/// </code>
/// </remarks>
internal sealed class AufsLayout(string home)
{
    internal string Layers { get; } = Path.Combine(home, "layers");

    internal string Diffs { get; } = Path.Combine(home, "diff");

    internal string Mounts { get; } = Path.Combine(home, "mnt");

    internal string Views { get; } = Path.Combine(home, ".views");

    internal string Diff(LayerId id) => Path.Combine(Diffs, id.ToString());

    internal string View(LayerId id) => Path.Combine(Views, id.ToString());

    internal string Mount(LayerId id) => Path.Combine(Mounts, id.ToString());

    internal string List(LayerId id) => Path.Combine(Layers, id.ToString());

    internal bool Exists(LayerId id) => File.Exists(List(id)) && Directory.Exists(Diff(id));

    /// <summary>The layers below, nearest first.</summary>
    /// <exception cref="StrataException">Corrupt: the file is wrong, or names a layer that is not there.</exception>
    internal IReadOnlyList<LayerId> ReadParents(LayerId id)
    {
        var parents = new List<LayerId>();
        foreach (string line in File.ReadAllLines(List(id), Encoding.ASCII))
        {
            if (line.Length == 0)
                continue;
            if (!LayerId.TryParse(line, out var parent) || !Directory.Exists(Diff(parent)))
                throw StrataException.Corrupt($"Layer {id} is damaged: {List(id)} names '{(line.Length > 100 ? line[..100] : line)}', which is no layer. Remove the layer and load its image again.");
            parents.Add(parent);
        }
        return parents;
    }

    internal void WriteParents(LayerId id, IEnumerable<LayerId> nearestFirst) =>
        File.WriteAllText(List(id), string.Concat(nearestFirst.Select(parent => parent + "\n")), Encoding.ASCII);
}
