using Strata.Linux;
using Strata.Trees;

namespace Strata.Drivers.Overlay;

/// <summary>Writes a layer into a directory of its own, removals as overlayfs's marks.</summary>
internal sealed class OverlaySink : ILayerSink
{
    private readonly RootDirectory _root;
    private readonly TreeWriter _writer;
    private readonly OverlayMarks _marks;
    private readonly Lazy<RootDirectory>? _below;
    private long _opaqueRootIndex = -1;

    /// <param name="root">The layer's directory, empty; owned.</param>
    /// <param name="below">The layers below as one tree, opened when it is first needed; null without a parent.</param>
    /// <param name="displaced">Where displaced files go.</param>
    /// <param name="marks">The marks.</param>
    /// <param name="options">Threads, recorder.</param>
    internal OverlaySink(RootDirectory root, Func<RootDirectory>? below, string displaced, OverlayMarks marks, ApplyOptions options)
    {
        _root = root;
        _marks = marks;
        _below = below is null ? null : new Lazy<RootDirectory>(() =>
        {
            options.AwaitParent?.Invoke();
            return below();
        });
        _writer = new TreeWriter(root, new TreeWriterOptions
        {
            Writers = options.Writers,
            Observer = RecorderObserver.Of(options.Recorder),
            DisplacedDirectory = displaced,
            OpaqueMark = marks.OpaqueMark,
            LowerDirectory = FindLowerDirectory,
            BringUp = BringUp,
        });
    }

    public Stream? RawTar => null;

    /// <summary>True if an entry of the layer told what its root is.</summary>
    internal bool RootIsListed { get; private set; }

    public void Add(LayerEntry entry, EntryContent content, EntryPosition position)
    {
        RootIsListed |= entry is { Path.IsRoot: true, Kind: EntryKind.Directory };
        if (entry.IsFileSystemObject)
            _writer.Write(_marks.ToDisk(entry), content, position.Index);
        else if (_below is null)
            return; // nothing lies below: a mark would only litter
        else if (entry.Kind == EntryKind.Whiteout)
            _writer.WritePlaceholder(entry.Path, position.Index);
        else if (entry.Path.IsRoot)
            _opaqueRootIndex = position.Index;
        else
            _writer.MarkOpaque(entry.Path, position.Index);
    }

    public void Complete()
    {
        if (_opaqueRootIndex >= 0)
            HideRoot();
        _writer.Complete();
    }

    public void Dispose()
    {
        _writer.Dispose();
        if (_below is { IsValueCreated: true })
            _below.Value.Dispose();
        _root.Dispose();
    }

    /// <summary>overlayfs merges roots whatever their marks say: all that the root has below is removed by name.</summary>
    private void HideRoot()
    {
        var names = new List<byte[]>();
        using (var root = FileCalls.OpenAt(_below!.Value.File, "."u8, OpenFlags.ReadOnly | OpenFlags.Directory))
        using (var reader = new DirectoryReader(root))
        {
            while (reader.MoveNext())
                names.Add(reader.Name.ToArray());
        }
        foreach (byte[] name in names)
            _writer.WritePlaceholder(EntryPath.Root.Child(name), _opaqueRootIndex);
    }

    /// <summary>A directory that the layer only implies looks as it does below.</summary>
    private LayerEntry? FindLowerDirectory(EntryPath path)
    {
        if (_below is null)
            return null;
        // O_NOFOLLOW on the last component, and none of the others can be a link: the layer has them as directories, which hide links.
        var errno = RootedCalls.TryOpenInRoot(
            _below.Value.File.Number, path.Bytes, OpenFlags.ReadOnly | OpenFlags.Directory | OpenFlags.NoFollow, 0, out var directory, noSymlinks: true);
        if (errno is Errno.ENOENT or Errno.ENOTDIR or Errno.ELOOP)
            return null;
        if (errno != Errno.None)
            throw new LinuxException(errno, "open", $"{path} in the layers below");
        using (directory)
        {
            var entry = new EntryReader(_marks.ToLayer, useOverrides: false).Read(directory!.Number, "."u8, AttributeCalls.Stat(directory), path);
            return _marks.ToDisk(entry);
        }
    }

    /// <summary>Copies a file up that a hard link names.</summary>
    private bool BringUp(EntryPath path)
    {
        if (_below is null || RootedCalls.TryOpenInRoot(
            _below.Value.File.Number, path.ParentBytes, OpenFlags.Path | OpenFlags.Directory, 0, out var from, noSymlinks: true) != Errno.None)
            return false;
        using var source = from!;
        if (AttributeCalls.TryStat(source.Number, path.Name, out var status) != Errno.None || status.IsDirectory)
            return false;
        var errno = RootedCalls.TryOpenInRoot(
            _root.File.Number, path.ParentBytes, OpenFlags.Path | OpenFlags.Directory, 0, out var to, noSymlinks: true);
        if (errno != Errno.None)
            throw new LinuxException(errno, "open", path.Parent.ToString());
        using var destination = to!;
        TreeCopier.CopyObject(source.Number, path.Name, _root, destination.Number, path.Name);
        return true;
    }
}
