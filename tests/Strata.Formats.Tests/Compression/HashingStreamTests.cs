using Strata.Formats.Compression;

namespace Strata.Formats.Tests.Compression;

public sealed class HashingStreamTests
{
    private const string AbcDigest = "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

    [Fact]
    public void What_is_read_is_hashed_and_counted()
    {
        var inner = new DripStream("abc"u8.ToArray(), 2);
        var stream = new HashingStream(inner);
        stream.CopyTo(Stream.Null);
        Assert.Equal(3, stream.CountBytes);
        Assert.Equal(AbcDigest, stream.Digest.ToString());
        stream.Dispose();
        Assert.True(inner.Disposed);
        Assert.Equal(AbcDigest, stream.DiffId.ToString());
    }

    [Fact]
    public void What_is_written_is_hashed_and_passed_on()
    {
        var inner = new MemoryStream();
        var stream = new HashingStream(inner, leaveOpen: true);
        stream.Write("ab"u8);
        Assert.NotEqual(AbcDigest, stream.Digest.ToString());
        stream.WriteByte((byte)'c');
        stream.Dispose();
        Assert.Equal("abc"u8.ToArray(), inner.ToArray());
        Assert.Equal(AbcDigest, stream.Digest.ToString());
        Assert.Equal(3, stream.CountBytes);
    }
}
