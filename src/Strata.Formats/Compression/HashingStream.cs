using System.Security.Cryptography;

namespace Strata.Formats.Compression;

/// <summary>Passes bytes through, in either direction, and hashes (SHA-256) and counts them.</summary>
public sealed class HashingStream : Stream
{
    private readonly Stream _inner;
    private readonly bool _leaveOpen;
    private readonly IncrementalHash _hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
    private Digest _final;

    /// <summary>Wraps a stream.</summary>
    /// <param name="inner">Read from or written to. Disposed with this unless <paramref name="leaveOpen"/>.</param>
    /// <param name="leaveOpen">True: <paramref name="inner"/> stays open.</param>
    public HashingStream(Stream inner, bool leaveOpen = false)
    {
        _inner = inner;
        _leaveOpen = leaveOpen;
    }

    /// <summary>How many bytes passed.</summary>
    public long CountBytes { get; private set; }

    /// <summary>The digest of all that passed so far; also after disposing.</summary>
    public Digest Digest
    {
        get
        {
            if (!_final.IsDefault)
                return _final;
            Span<byte> hash = stackalloc byte[32];
            _hash.GetCurrentHash(hash);
            return Digest.Sha256(hash);
        }
    }

    /// <summary><see cref="Digest"/>, for an uncompressed tar.</summary>
    public DiffId DiffId => new(Digest);

    /// <inheritdoc/>
    public override bool CanRead => _inner.CanRead;

    /// <inheritdoc/>
    public override bool CanSeek => false;

    /// <inheritdoc/>
    public override bool CanWrite => _inner.CanWrite;

    /// <inheritdoc/>
    public override long Length => throw new NotSupportedException();

    /// <inheritdoc/>
    public override long Position
    {
        get => throw new NotSupportedException();
        set => throw new NotSupportedException();
    }

    /// <inheritdoc/>
    public override int Read(Span<byte> buffer)
    {
        int read = _inner.Read(buffer);
        _hash.AppendData(buffer[..read]);
        CountBytes += read;
        return read;
    }

    /// <inheritdoc/>
    public override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count));

    /// <inheritdoc/>
    public override void Write(ReadOnlySpan<byte> buffer)
    {
        _inner.Write(buffer);
        _hash.AppendData(buffer);
        CountBytes += buffer.Length;
    }

    /// <inheritdoc/>
    public override void Write(byte[] buffer, int offset, int count) => Write(buffer.AsSpan(offset, count));

    /// <inheritdoc/>
    public override void Flush() => _inner.Flush();

    /// <inheritdoc/>
    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    /// <inheritdoc/>
    public override void SetLength(long value) => throw new NotSupportedException();

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (disposing && _final.IsDefault)
        {
            _final = Digest;
            _hash.Dispose();
            if (!_leaveOpen)
                _inner.Dispose();
        }
        base.Dispose(disposing);
    }
}
