using Strata.Drivers.Overlay;
using Strata.Formats.Erofs;

namespace Strata.Drivers.Erofs;

/// <summary>Keeps a layer's tar and makes its index in the same pass.</summary>
internal sealed class ErofsSink : ILayerSink
{
    private readonly TarFile? _tar;
    private readonly FileStream _index;
    private readonly SideFile _side;
    private readonly ErofsImageWriter _image;
    private readonly LayerIndexer _indexer;
    private readonly Lazy<ILowerTree>? _below;
    private readonly long _tarBytes;

    /// <param name="tarPath">Where the tar goes; null: it is there, and the index alone is made.</param>
    /// <param name="tarBytes">How long it is, if it is there.</param>
    /// <param name="indexPath">Where the index goes.</param>
    /// <param name="sidePath">Where the side file goes, if there is one.</param>
    /// <param name="marks">overlayfs's marks.</param>
    /// <param name="below">The layers below, opened when they are first needed; null without a parent. Owned.</param>
    internal ErofsSink(string? tarPath, long tarBytes, string indexPath, string sidePath, OverlayMarks marks, Lazy<ILowerTree>? below)
    {
        _below = below;
        _tarBytes = tarBytes;
        _index = new FileStream(indexPath, new FileStreamOptions
        {
            Mode = FileMode.Create, Access = FileAccess.ReadWrite, BufferSize = 0, UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite,
        });
        _side = new SideFile(sidePath);
        _image = new ErofsImageWriter(_index, new ErofsWriterOptions
        {
            BlockBits = System.Numerics.BitOperations.Log2(ErofsHome.BlockBytes), Devices = LayerIndexer.SideDevice, VolumeName = ErofsHome.VolumeName,
        });
        _indexer = new LayerIndexer(_image, _side, marks, below);
        _tar = tarPath is null ? null : new TarFile(tarPath);
    }

    public Stream? RawTar => _tar;

    /// <summary>True if there is a side file.</summary>
    internal bool HasSide => _side.SizeBytes > 0;

    public void Add(LayerEntry entry, EntryContent content, EntryPosition position) => _indexer.Add(entry, content, position.DataOffsetBytes);

    public void Complete()
    {
        _image.SetDeviceBytes(LayerIndexer.TarDevice, _tar?.SizeBytes ?? _tarBytes, default);
        _image.SetDeviceBytes(LayerIndexer.SideDevice, _side.SizeBytes, default);
        _indexer.Complete();
    }

    public void Dispose()
    {
        _tar?.Dispose();
        _side.Dispose();
        _index.Dispose();
        if (_below is { IsValueCreated: true })
            _below.Value.Dispose();
    }
}
