using CsCheck;
using Strata.Formats.Compression;

namespace Strata.Formats.Tests.Compression;

public sealed class PrefetchStreamTests
{
    [Fact]
    public void Bytes_come_in_order_whatever_the_sizes() =>
        Gen.Select(Gen.Int[0, 5000], Gen.Int[1, 700], Gen.Int[1, 900], Gen.Int[1, 600]).Sample(
            (length, bufferBytes, readBytes, dripBytes) =>
            {
                byte[] data = Samples.Noise(length, length);
                using var stream = new PrefetchStream(new DripStream(data, dripBytes), bufferBytes);
                using var result = new MemoryStream();
                stream.CopyTo(result, readBytes);
                Assert.Equal(data, result.ToArray());
                Assert.Equal(0, stream.Read(new byte[10]));
            },
            iter: 300);

    [Fact]
    public void An_error_comes_after_the_bytes_before_it_and_again()
    {
        byte[] data = Samples.Noise(1000);
        using var stream = new PrefetchStream(new DripStream(data, 100, failAt: 750), bufferBytes: 300);
        byte[] got = new byte[750];
        stream.ReadExactly(got);
        Assert.Equal(data[..750], got);
        for (int i = 0; i < 2; i++)
            Assert.Equal("the disk is on fire", Assert.Throws<IOException>(() => stream.Read(got)).Message);
    }

    [Fact]
    public void Disposing_early_stops_and_disposes_the_inner_stream()
    {
        for (int taken = 0; taken < 6; taken++)
        {
            var inner = new DripStream(new byte[10_000_000]);
            var stream = new PrefetchStream(inner, bufferBytes: 1000);
            for (int i = 0; i < taken; i++)
                Assert.Equal(1000, stream.Read(new byte[1000]));
            stream.Dispose();
            Assert.True(inner.Disposed);
            stream.Dispose();
            Assert.Throws<ObjectDisposedException>(() => stream.Read(new byte[1]));
        }
    }

    [Fact]
    public void Inner_stream_stays_open_if_asked_for()
    {
        var inner = new DripStream([1, 2, 3]);
        using (var stream = new PrefetchStream(inner, leaveOpen: true))
            Assert.Equal(1, stream.ReadByte());
        Assert.False(inner.Disposed);
    }
}
