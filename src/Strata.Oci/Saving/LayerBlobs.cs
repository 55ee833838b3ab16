using Strata.Formats.Compression;
using Strata.Store;

namespace Strata.Oci;

/// <summary>The layers of images as blobs to be written: their tars as they are, or compressed on the way. Each is written once.</summary>
internal sealed class LayerBlobs(Store.Store store, SaveOptions options, long totalBytes, CancellationToken cancellationToken)
{
    private readonly Dictionary<DiffId, Descriptor> _done = [];
    private long _written;

    /// <summary>True: a blob's digest and size are known before it is written.</summary>
    internal bool AreKnown => options.Compression == SaveCompression.None;

    /// <summary>What a layer's blob is, its type without regard to where it came from.</summary>
    internal Descriptor DescriptorOf(LayerRecord layer) => AreKnown ? new Descriptor(MediaTypes.LayerTar, layer.DiffId.Digest, layer.TarBytes) : _done[layer.DiffId];

    /// <summary>What is added to a layer's media type.</summary>
    internal string TypeSuffix => options.Compression switch { SaveCompression.Gzip => "+gzip", SaveCompression.Zstd => "+zstd", _ => "" };

    /// <summary>Writes a layer's blob, unless it was written.</summary>
    /// <param name="layer">The layer.</param>
    /// <param name="add">Adds a file: its digest, its size, and who writes it.</param>
    internal void Write(LayerRecord layer, Action<Digest, long, Action<Stream>> add)
    {
        if (_done.ContainsKey(layer.DiffId))
            return;
        if (AreKnown)
        {
            add(layer.DiffId.Digest, layer.TarBytes, stream => store.WriteTar(layer, stream, cancellationToken));
            _done.Add(layer.DiffId, DescriptorOf(layer));
        }
        else
        {
            // A tar tells each file's size before the file.
            using var spool = store.OpenTemporary();
            var hashing = new HashingStream(spool, leaveOpen: true);
            using (hashing)
            {
                using var compressor = Compressor.Open(hashing, options.Compression == SaveCompression.Gzip ? CompressionKind.Gzip : CompressionKind.Zstd, options.Level);
                store.WriteTar(layer, compressor, cancellationToken);
            }
            spool.Flush();
            add(hashing.Digest, hashing.CountBytes, stream =>
            {
                spool.Position = 0;
                spool.CopyTo(stream, 1 << 20);
            });
            _done.Add(layer.DiffId, new Descriptor(MediaTypes.LayerTar + TypeSuffix, hashing.Digest, hashing.CountBytes));
        }
        _written += layer.TarBytes;
        options.Progress?.Report(new ProgressReport("save", _written, totalBytes));
    }
}
