using System.Text;
using Strata.Linux;
using Strata.Trees;

namespace Strata.Drivers.Erofs;

/// <summary>Where things lie below the driver's home.</summary>
/// <remarks>
/// <code>
/// ID/lower          the IDs of the layers below, nearest first, a line each; not there without a parent
/// ID/layer.tar      the layer, as it came, byte for byte; not there: nothing was applied; a link, if the layer lies in another home
/// ID/layer.1.erofs  its index, of format 1: a cache, made again from the tar (and the layers below) when it is gone
/// ID/layer.1.side   contents that the tar can't serve by pointing, made with the index; not there: it can serve all
/// ID/chain.1.erofs  one index of the layer and all applied ones right below it, for deep images: a cache
/// ID/diff, ID/work  what was written to a layer that is no tar: overlayfs's upper directory and its own one
/// ID/merged         the mount point while mounted
/// lowers/, chains/  indexes of layers and of chains that are mounted for the overlays of those who use them
/// .l/NAME -> ../ID/diff   short names, so that many directories fit into mount options: made when a directory is first stacked
/// .holds/HOLDER     what stays mounted for mounts that are performed elsewhere: a line each, lowers/ID or chains/ID
/// </code>
/// A layer exists if ID/ does. It is applied if layer.tar is there.
/// </remarks>
internal sealed class ErofsHome(string home)
{
    /// <summary>The block of an index: what tar counts in.</summary>
    internal const int BlockBytes = 512;

    /// <summary>The format of indexes. In their names, so that an index of another format is simply not there.</summary>
    internal const string FormatVersion = "1";

    /// <summary>What an index says it is.</summary>
    internal static ReadOnlyMemory<byte> VolumeName { get; } = "strata-index-1"u8.ToArray();

    internal string Temporary { get; } = Path.Combine(home, ".tmp");

    internal string Lowers { get; } = Path.Combine(home, "lowers");

    internal string Chains { get; } = Path.Combine(home, "chains");

    internal string ShortNames { get; } = Path.Combine(home, ".l");

    internal string Holds { get; } = Path.Combine(home, ".holds");

    /// <summary>True for a name in the home that is no layer's.</summary>
    internal static bool IsOurs(string name) => name is "lowers" or "chains";

    internal string Of(LayerId id) => Path.Combine(home, id.ToString());

    internal string Tar(LayerId id) => Path.Combine(home, id.ToString(), "layer.tar");

    internal string Index(LayerId id) => Path.Combine(home, id.ToString(), $"layer.{FormatVersion}.erofs");

    internal string Side(LayerId id) => Path.Combine(home, id.ToString(), $"layer.{FormatVersion}.side");

    internal string Chain(LayerId id) => Path.Combine(home, id.ToString(), $"chain.{FormatVersion}.erofs");

    internal string Diff(LayerId id) => Path.Combine(home, id.ToString(), "diff");

    internal string Work(LayerId id) => Path.Combine(home, id.ToString(), "work");

    internal string Merged(LayerId id) => Path.Combine(home, id.ToString(), "merged");

    internal string Lock(LayerId id) => Path.Combine(home, id.ToString(), ".lock");

    internal string LowerFile(LayerId id) => Path.Combine(home, id.ToString(), "lower");

    internal bool Exists(LayerId id) => Directory.Exists(Of(id));

    /// <summary>True if the layer is a tar, or a link to one in another home, there or not. What is no file (a pipe, say, which opening would wait for) is none.</summary>
    internal bool IsApplied(LayerId id) => AttributeCalls.FindStatus(Tar(id))?.Type is NameCalls.TypeRegular or NameCalls.TypeSymlink;

    /// <summary>The layer right below, or null.</summary>
    /// <exception cref="StrataException">Corrupt: the list is damaged.</exception>
    internal LayerId? ReadParent(LayerId id)
    {
        if (ReadLowerFile(id) is not { } text)
            return null;
        return LayerId.TryParse(text.Split('\n')[0], out var parent) ? parent : throw Damaged(id);
    }

    /// <summary>The layers below, nearest first; none without a parent.</summary>
    /// <exception cref="StrataException">Corrupt: the list is damaged.</exception>
    internal IReadOnlyList<LayerId> ReadLowers(LayerId id)
    {
        if (ReadLowerFile(id) is not { } text)
            return [];
        var lowers = new List<LayerId>();
        foreach (var line in text.AsSpan().TrimEnd('\n').EnumerateLines())
            lowers.Add(LayerId.TryParse(line.ToString(), out var lower) ? lower : throw Damaged(id));
        return lowers;
    }

    private string? ReadLowerFile(LayerId id)
    {
        try
        {
            return SmallFile.Read(LowerFile(id)) is { } bytes ? Encoding.ASCII.GetString(bytes) : null;
        }
        catch (LinuxException e) when (e.Errno == Errno.EISDIR)
        {
            return ""; // as wrong as a file that is empty
        }
    }

    private StrataException Damaged(LayerId id) =>
        StrataException.Corrupt($"Layer {id} is damaged: {LowerFile(id)} is empty or wrong. Remove the layer and load its image again.");
}
