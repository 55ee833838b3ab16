using System.Net;

namespace Strata.Api;

/// <summary>A body that is written as it is sent: layers and images, too large to be held.</summary>
/// <param name="write">Writes it.</param>
internal sealed class UploadContent(Action<Stream, CancellationToken> write) : HttpContent
{
    private const int BufferBytes = 256 * 1024;

    /// <summary>A stream, read to its end.</summary>
    internal static UploadContent Of(Stream source, string step, long totalBytes, IProgress<ProgressReport>? progress) => new((destination, cancellationToken) =>
    {
        byte[] buffer = new byte[BufferBytes];
        long done = 0;
        for (int read; (read = Read(source, buffer)) > 0;)
        {
            cancellationToken.ThrowIfCancellationRequested();
            destination.Write(buffer, 0, read);
            progress?.Report(new ProgressReport(step, done += read, totalBytes));
        }
    });

    protected override void SerializeToStream(Stream stream, TransportContext? context, CancellationToken cancellationToken) => write(stream, cancellationToken);

    protected override Task SerializeToStreamAsync(Stream stream, TransportContext? context) => Task.Run(() => write(stream, CancellationToken.None));

    protected override bool TryComputeLength(out long length)
    {
        length = 0;
        return false;
    }

    /// <summary>What fails here is the source's, not the connection's.</summary>
    private static int Read(Stream source, byte[] buffer)
    {
        try
        {
            return source.Read(buffer);
        }
        catch (IOException e)
        {
            throw new SourceException(e);
        }
    }
}
