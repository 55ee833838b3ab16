using Strata.Linux;
using Strata.Trees;

namespace Strata.Drivers.Overlay;

/// <content>Images of more layers than overlayfs can stack: the lowest ones are merged into one directory of hard links.</content>
public sealed partial class OverlayDriver
{
    /// <summary>How many layers are merged at a time: enough that few merges serve a deep image, few enough that the rest fits.</summary>
    private const int MergeStep = 400;

    /// <summary>The merged tree of a layer and all below it, beside the layer's own directory; a cache, removed with the layer.</summary>
    private string MergedTree(LayerId id) => Path.Combine(_layout.Of(id), "merged-lowers");

    /// <summary>
    /// Replaces the lowest layers by a merged tree, so that the rest can be stacked. Counted from the base, so that all images over the same layers
    /// share it.
    /// </summary>
    private string[] MergedLowers(IReadOnlyList<string> links)
    {
        // links[^1] is the base. The merged ones are a multiple of the step, as many as leave fewer than the limit.
        int merged = MergeStep * ((links.Count - (MountCalls.MaxOverlayLowers - 2) + MergeStep - 1) / MergeStep);
        int above = links.Count - merged;
        var top = _layout.Resolve(links[above]);
        string tree = MergedTree(top);
        if (!Directory.Exists(tree))
            Merge(top, links.Skip(above).ToArray(), tree);
        return links.Take(above).Select(link => Path.Combine(_layout.Links, link)).Append(tree).ToArray();
    }

    private void Merge(LayerId top, string[] nearestFirst, string tree)
    {
        using var locked = FileLock.Acquire(Path.Combine(_layout.Of(top), ".merge.lock"));
        if (Directory.Exists(tree))
            return;
        using var temporary = TemporaryDirectory.Create(_temporary);
        using (var root = RootDirectory.Open(temporary.Path))
        {
            int begin = nearestFirst.Length - 1;
            for (int i = MergeStep; i < nearestFirst.Length; i += MergeStep)
            {
                string earlier = MergedTree(_layout.Resolve(nearestFirst[i]));
                if (!Directory.Exists(earlier))
                    continue;
                using var start = RootDirectory.Open(earlier);
                new LinkMerger(_marks).Merge(start, root);
                begin = i - 1;
                break;
            }
            for (int i = begin; i >= 0; i--)
            {
                var id = _layout.Resolve(nearestFirst[i]);
                using var layer = RootDirectory.Open(_layout.Diff(id));
                // A hard link would count in an inode of the other home, and need not be possible.
                new LinkMerger(_marks, copy: FindLink(id) is not null).Merge(layer, root);
            }
        }
        NameCalls.Rename(temporary.Path, tree);
    }
}
