using ZstdSharp;
using ZstdSharp.Unsafe;

namespace Strata.Formats.Compression;

/// <summary>zstd frames (RFC 8878) one after the other, skippable ones among them. Nothing else may follow.</summary>
/// <remarks>The library checks content sizes and checksums where frames have them, and whether the last frame is whole.</remarks>
internal sealed class ZstdFramesStream : ReadOnlyStream
{
    /// <summary>The largest window that a frame may ask for: 128 MiB, as the zstd program without <c>--long</c>.</summary>
    internal const int MaxWindowLog = 27;

    private readonly InputBuffer _input;
    private readonly DecompressionStream _stream;

    internal ZstdFramesStream(InputBuffer input)
    {
        _input = input;
        _stream = new DecompressionStream(input, bufferSize: 128 * 1024, checkEndOfStream: true, leaveOpen: true);
        _stream.SetParameter(ZSTD_dParameter.ZSTD_d_windowLogMax, MaxWindowLog);
    }

    public override int Read(Span<byte> buffer)
    {
        try
        {
            return _stream.Read(buffer);
        }
        catch (EndOfStreamException e) when (_input.SourceError is null)
        {
            throw StrataException.Corrupt($"The zstd data is truncated: it ends at compressed offset {_input.TakenBytes}, inside a frame or something that is none.", e);
        }
        catch (ZstdException e)
        {
            throw e.Code switch
            {
                ZSTD_ErrorCode.ZSTD_error_frameParameter_windowTooLarge => StrataException.Exhausted(
                    $"The zstd data wants a window larger than {1 << (MaxWindowLog - 20)} MiB; compress it again without --long or --ultra.", e),
                ZSTD_ErrorCode.ZSTD_error_dictionary_wrong => StrataException.NotSupported(
                    "The zstd data was compressed with a dictionary, which nobody has here; compress it again without.", e),
                ZSTD_ErrorCode.ZSTD_error_prefix_unknown => StrataException.Corrupt(
                    $"After a zstd frame something follows that is none, at or before compressed offset {_input.TakenBytes}.", e),
                _ => StrataException.Corrupt($"The zstd data is damaged, at or before compressed offset {_input.TakenBytes}: {e.Message}.", e),
            };
        }
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing)
            _stream.Dispose();
        base.Dispose(disposing);
    }
}
