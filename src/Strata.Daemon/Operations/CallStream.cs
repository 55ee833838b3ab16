namespace Strata.Daemon.Operations;

/// <summary>The body of a request and that of its response, as the store reads and writes: on its thread. Each byte that moves puts the call's deadline off.</summary>
internal sealed class CallStream : Stream
{
    private readonly HttpContext _context;
    private readonly Stream _reading;
    private readonly Stream _writing;
    private long _read;
    private long _written;

    internal CallStream(HttpContext context)
    {
        _context = context;
        _reading = context.Request.Body;
        _writing = context.Response.Body;
    }

    public override bool CanRead => true;

    public override bool CanSeek => false;

    public override bool CanWrite => true;

    public override long Length => throw new NotSupportedException();

    public override long Position
    {
        get => throw new NotSupportedException();
        set => throw new NotSupportedException();
    }

    // Waited for here, on the call's own thread: the body's own synchronous calls can't be cancelled by a deadline.
    public override int Read(byte[] buffer, int offset, int count)
    {
        int read = _reading.ReadAsync(buffer, offset, count, _context.RequestAborted).GetAwaiter().GetResult();
        _read += read;
        CallDeadline.PutOff(_context);
        return read;
    }

    public override void Write(byte[] buffer, int offset, int count)
    {
        _writing.WriteAsync(buffer, offset, count, _context.RequestAborted).GetAwaiter().GetResult();
        _written += count;
        CallDeadline.PutOff(_context);
    }

    public override void Flush() => _writing.FlushAsync(_context.RequestAborted).GetAwaiter().GetResult();

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            CallMetrics.AddBytes(_context, _read, _written); // the bodies are the server's to close
            _read = _written = 0;
        }
        base.Dispose(disposing);
    }
}
