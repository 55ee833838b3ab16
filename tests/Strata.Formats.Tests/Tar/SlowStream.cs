namespace Strata.Formats.Tests.Tar;

/// <summary>Gives few bytes at a time and can't seek, as a pipe does.</summary>
internal sealed class SlowStream(byte[] data, int most) : ReadOnlyStream
{
    private int _at;

    public bool WasDisposed { get; private set; }

    public bool IsAtEnd => _at == data.Length;

    public override int Read(Span<byte> buffer)
    {
        int read = Math.Min(Math.Min(buffer.Length, most), data.Length - _at);
        data.AsSpan(_at, read).CopyTo(buffer);
        _at += read;
        return read;
    }

    protected override void Dispose(bool disposing)
    {
        WasDisposed = true;
        base.Dispose(disposing);
    }
}
