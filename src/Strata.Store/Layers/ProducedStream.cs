using System.IO.Pipelines;

namespace Strata.Store;

/// <summary>What a thread writes, to be read while it is written: at most some megabytes are under way.</summary>
/// <remarks>An error of the writing thread comes up where the stream is read. Disposing it ends the thread.</remarks>
internal sealed class ProducedStream : ReadOnlyStream
{
    private const int MaxBytesUnderWay = 4 << 20;
    private readonly Pipe _pipe = new(new PipeOptions(pauseWriterThreshold: MaxBytesUnderWay, resumeWriterThreshold: MaxBytesUnderWay / 2, minimumSegmentSize: 64 * 1024, useSynchronizationContext: false));
    private readonly CancellationTokenSource _ended;
    private readonly Thread _thread;
    private readonly Stream _reading;

    /// <summary>Starts the thread.</summary>
    /// <param name="write">Writes all of it.</param>
    /// <param name="cancellationToken">Ends it early.</param>
    internal ProducedStream(Action<Stream, CancellationToken> write, CancellationToken cancellationToken)
    {
        _ended = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        _reading = _pipe.Reader.AsStream();
        _thread = new Thread(() => Produce(write)) { IsBackground = true, Name = "diff" };
        _thread.Start();
    }

    public override int Read(Span<byte> buffer) => _reading.Read(buffer);

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            _ended.Cancel();
            _reading.Dispose();
            _thread.Join();
            _ended.Dispose();
        }
        base.Dispose(disposing);
    }

    private void Produce(Action<Stream, CancellationToken> write)
    {
        Exception? error = null;
        try
        {
            using var writing = _pipe.Writer.AsStream(leaveOpen: true);
            write(writing, _ended.Token);
        }
        catch (Exception e)
        {
            error = e; // thrown where it is read
        }
        _pipe.Writer.Complete(error);
    }
}
