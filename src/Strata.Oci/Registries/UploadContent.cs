using System.Net;
using Strata.Formats.Compression;

namespace Strata.Oci.Registries;

/// <summary>A request's body that is produced while it is sent, of a length that nobody knows before.</summary>
/// <param name="write">Produces it; runs on a thread of its own.</param>
/// <param name="watch">Told of progress, so that a long upload is no stall.</param>
internal sealed class UploadContent(Action<Stream, CancellationToken> write, StallWatch watch) : HttpContent
{
    protected override Task SerializeToStreamAsync(Stream stream, TransportContext? context) => SerializeToStreamAsync(stream, context, CancellationToken.None);

    protected override Task SerializeToStreamAsync(Stream stream, TransportContext? context, CancellationToken cancellationToken) => Task.Run(
        () =>
        {
            using var watched = new Watched(stream, watch);
            using var buffered = new BufferedStream(watched, 128 * 1024);
            write(buffered, cancellationToken);
        },
        cancellationToken);

    protected override bool TryComputeLength(out long length)
    {
        length = 0;
        return false;
    }

    /// <summary>Only while it writes do we wait for the other side.</summary>
    private sealed class Watched(Stream inner, StallWatch watch) : WriteOnlyStream
    {
        public override void Flush()
        {
        }

        public override void Write(ReadOnlySpan<byte> buffer)
        {
            watch.Pulse();
            inner.Write(buffer);
            watch.Pause();
        }

        protected override void Dispose(bool disposing)
        {
            watch.Pulse(); // the answer must come now
            base.Dispose(disposing);
        }
    }
}
