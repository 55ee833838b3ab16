using Strata.Drivers.Overlay;
using Strata.Formats.Tar;
using Strata.Linux;
using Strata.Trees;

namespace Strata.Drivers.Aufs;

/// <content>Differences and contents: through overlayfs over views of the branches, so that they need no aufs.</content>
public sealed partial class AufsDriver
{
    /// <inheritdoc/>
    public void Diff(LayerId id, LayerId? parent, Stream destination, DiffOptions? options = null, CancellationToken cancellationToken = default)
    {
        using var difference = Open(id, parent, options);
        difference.Difference.Write(destination, options?.Progress, cancellationToken);
    }

    /// <inheritdoc/>
    public ILayerSource OpenTree(LayerId id)
    {
        var difference = Open(id, null, null);
        return new TreeSource(difference.Difference.Comparer, difference);
    }

    /// <inheritdoc/>
    public IReadOnlyList<Change> Changes(LayerId id, LayerId? parent, DiffOptions? options = null, CancellationToken cancellationToken = default)
    {
        using var difference = Open(id, parent, options);
        return TreeSource.List(difference.Difference.Comparer, cancellationToken);
    }

    /// <inheritdoc/>
    public long DiffSize(LayerId id, LayerId? parent, CancellationToken cancellationToken = default)
    {
        using var difference = Open(id, parent, null);
        return difference.Difference.Measure(cancellationToken);
    }

    /// <inheritdoc/>
    /// <remarks>The layer is written as overlayfs would have it, and its marks turned into aufs's at the end.</remarks>
    public long ApplyDiff(LayerId id, LayerId? parent, Stream tar, ApplyOptions? options = null, CancellationToken cancellationToken = default)
    {
        RequireExists(id);
        options ??= ApplyOptions.Default;
        string diff = _layout.Diff(id);
        if (Directory.EnumerateFileSystemEntries(diff).Any())
            throw StrataException.FailedPrecondition($"Layer {id} of the aufs driver holds something already; a tar can be applied to an empty layer only. Remove the layer and make it again.");
        var parents = _layout.ReadParents(id);
        if (parents.Count > 0)
            options.AwaitParent?.Invoke();
        Func<RootDirectory>? below = parents.Count > 0 ? () => OpenStack(parents, null) : null;
        long sizeBytes;
        bool rootIsListed;
        using (var sink = new OverlaySink(RootDirectory.Open(diff), below, SideDirectoryOf(id), _marks, options))
        {
            sizeBytes = LayerPipe.Apply(tar, sink, options, cancellationToken);
            rootIsListed = sink.RootIsListed;
        }
        using var root = FileCalls.Open(diff, OpenFlags.ReadOnly | OpenFlags.Directory);
        _translation.FromOverlay(root);
        if (parents.Count > 0 && !rootIsListed)
            InheritRoot(parents[0], root);
        return sizeBytes;
    }

    /// <inheritdoc/>
    public IRecipeContents OpenContents(LayerId id)
    {
        RequireExists(id);
        return new TreeContents(RootDirectory.Open(_layout.Diff(id)), SideDirectoryOf(id));
    }

    private OpenedDifference Open(LayerId id, LayerId? parent, DiffOptions? options)
    {
        RequireExists(id);
        if (parent is { } p)
            RequireExists(p);
        var parents = _layout.ReadParents(id);
        bool direct = parent == (parents.Count > 0 ? parents[0] : null);
        // The layer itself may be written to at any time: its view is made for the moment. Those below don't change.
        var own = MakeOwnView(id);
        try
        {
            string view = Path.Combine(own.Path, "view");
            return new OpenedDifference(own, new StackDifference(
                direct ? () => RootDirectory.Open(view) : () => OpenStack(parents, view),
                parent is { } below ? () => OpenStack([below, .. _layout.ReadParents(below)], null) : null,
                () => OpenStack(parents, view), _marks, direct, options, []));
        }
        catch
        {
            own.Dispose();
            throw;
        }
    }

    private TemporaryDirectory MakeOwnView(LayerId id)
    {
        var temporary = TemporaryDirectory.Create(_temporary);
        try
        {
            MakeView(id, Path.Combine(temporary.Path, "view"));
            return temporary;
        }
        catch
        {
            temporary.Dispose();
            throw;
        }
    }

    private void MakeView(LayerId id, string path)
    {
        Directory.CreateDirectory(path, Private);
        using var branch = FileCalls.Open(_layout.Diff(id), OpenFlags.ReadOnly | OpenFlags.Directory);
        using var view = FileCalls.Open(path, OpenFlags.ReadOnly | OpenFlags.Directory);
        _translation.ToView(branch, view);
    }

    /// <summary>The view of a layer that has layers above it, made once.</summary>
    private string ViewOf(LayerId id)
    {
        string path = _layout.View(id);
        if (Directory.Exists(path))
            return path;
        using var own = MakeOwnView(id);
        Directory.CreateDirectory(_layout.Views, Private);
        var errno = NameCalls.TryRename(FileCalls.CurrentDirectory, Bytes(Path.Combine(own.Path, "view")), FileCalls.CurrentDirectory, Bytes(path), NameCalls.RenameNoReplace);
        if (errno is not (Errno.None or Errno.EEXIST))
            throw new LinuxException(errno, "rename", path);
        return path;

        static byte[] Bytes(string text) => System.Text.Encoding.UTF8.GetBytes(text);
    }

    /// <summary>Layers' whole tree, read-only, mounted nowhere.</summary>
    /// <param name="nearestFirst">Layers that have layers above them.</param>
    /// <param name="top">A view that lies above these, or null.</param>
    private RootDirectory OpenStack(IReadOnlyList<LayerId> nearestFirst, string? top)
    {
        string[] stack = [.. top is null ? [] : new[] { top }, .. nearestFirst.Select(ViewOf)];
        return stack.Length == 1
            ? RootDirectory.Open(stack[0])
            : Mounter.MountDetached(OverlayOptions.ReadOnly(OverlayFeatures.Current, new OverlayLowers([.. stack]), [], null));
    }

    private sealed class OpenedDifference(TemporaryDirectory view, StackDifference difference) : IDisposable
    {
        internal StackDifference Difference { get; } = difference;

        public void Dispose()
        {
            Difference.Dispose();
            view.Dispose();
        }
    }
}
