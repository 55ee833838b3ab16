using System.Runtime.ExceptionServices;

namespace Strata.Formats.Compression;

/// <summary>Gives a decoder's errors their meaning, remembers them, and stops bombs.</summary>
internal sealed class GuardedStream(Stream decoder, InputBuffer input, CompressionKind kind, LayerLimits limits) : ReadOnlyStream
{
    private long _produced;
    private StrataException? _failure;

    public override int Read(Span<byte> buffer) => Read(buffer, default);

    public override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count), new ArraySegment<byte>(buffer, offset, count));

    /// <param name="buffer">Where to.</param>
    /// <param name="segment">The same bytes, if it is known which array they belong to: some decoders write there without a copy.</param>
    private int Read(Span<byte> buffer, ArraySegment<byte> segment)
    {
        // Whoever reads on after an error must not meet an end that looks like a good one.
        if (_failure is not null)
            throw new StrataException(_failure.Kind, _failure.Message, _failure);
        ThrowSourceError();
        int read;
        try
        {
            read = segment.Array is null ? decoder.Read(buffer) : decoder.Read(segment.Array, segment.Offset, segment.Count);
        }
        catch (StrataException e) when (input.SourceError is null)
        {
            _failure = e;
            throw;
        }
        catch (Exception e) when (e is not (ObjectDisposedException or OutOfMemoryException))
        {
            ThrowSourceError(); // a decoder may have made something else of it
            _failure = StrataException.Corrupt($"The {kind} data is truncated or damaged, at or before compressed offset {input.TakenBytes}: {e.Message}", e);
            throw _failure;
        }
        _produced += read;
        if (_produced > limits.RatioFreeBytes && _produced / Math.Max(1, limits.MaxCompressionRatio) > input.TakenBytes)
        {
            _failure = StrataException.Exhausted(
                $"The {kind} data was refused at compressed offset {input.TakenBytes}: it expands more than {limits.MaxCompressionRatio} times. Raise the limit {nameof(LayerLimits.MaxCompressionRatio)} if you trust it.");
            throw _failure;
        }
        return read;
    }

    private void ThrowSourceError()
    {
        if (input.SourceError is not null)
            ExceptionDispatchInfo.Throw(input.SourceError);
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            decoder.Dispose();
            input.Dispose();
        }
        base.Dispose(disposing);
    }
}
