using System.Collections.Concurrent;
using Strata.Formats.Erofs;
using Strata.Linux;

namespace Strata.Drivers.Erofs;

/// <content>What lies below writable layers: it does not change once it is all tars, so it is looked up once a process, not once a mount.</content>
public sealed partial class ErofsDriver
{
    private const int MostBases = 1000;
    private readonly ConcurrentDictionary<LayerId, Base> _bases = new();

    /// <summary>An applied layer all of whose lowers are applied, or null. Known by its tar: another layer of the same ID has another one.</summary>
    private Base? FindBase(LayerId id)
    {
        if (AttributeCalls.FindStatus(_layout.Tar(id)) is not { } tar)
            return null;
        if (_bases.TryGetValue(id, out var known) && known.Inode == tar.Inode && known.Changed == tar.Ctime)
            return known;
        LayerId[] layers = [id, .. _layout.ReadLowers(id)];
        if (!layers.All(_layout.IsApplied))
            return null;
        foreach (var layer in layers)
            EnsureIndex(layer); // side files are made with it, and are devices
        using var tree = OpenLowerTree(layers);
        var found = new Base(
            tar.Inode, tar.Ctime, layers, StackOf(layers).Select(lower => lower with { Devices = DevicesOf(lower.Chain).ToArray() }).ToArray(),
            tree.FindDirectory(EntryPath.Root) ?? throw StrataException.Corrupt($"The index of layer {id} has no root. Delete it; it is made again."));
        if (_bases.Count >= MostBases)
            _bases.Clear();
        _bases[id] = found;
        return found;
    }

    /// <param name="Inode">The tar's inode number.</param>
    /// <param name="Changed">When the tar got its name.</param>
    /// <param name="Layers">The layer and those below it, nearest first.</param>
    /// <param name="Stack">What they are mounted as, nearest first.</param>
    /// <param name="Root">The attributes of the root directory.</param>
    private sealed record Base(ulong Inode, FileTime Changed, LayerId[] Layers, Lower[] Stack, ErofsAttributes Root);
}
