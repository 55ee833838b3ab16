using System.Text;

namespace Strata.Tests;

public class DigestTests
{
    [Theory]
    [InlineData("")]
    [InlineData("sha256")]
    [InlineData("sha256:")]
    [InlineData("sha256:../../x")]
    [InlineData("sha256:E3B0C44298FC1C149AFBF4C8996FB92427AE41E4649B934CA495991B7852B855")]
    [InlineData("sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b85")]
    [InlineData("md5:d41d8cd98f00b204e9800998ecf8427e")]
    [InlineData("sha512:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")]
    public void Malformed_is_refused(string text)
    {
        Assert.False(Digest.TryParse(text, out _));
        Assert.Equal(ErrorKind.InvalidArgument, Assert.Throws<StrataException>(() => Digest.Parse(text)).Kind);
    }

    [Fact]
    public void Parts_come_back()
    {
        const string Text = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        var digest = Digest.Parse(Text);
        Assert.Equal("sha256", digest.Algorithm);
        Assert.Equal(Text[7..], digest.Hex);
        Assert.Equal(Text, digest.ToString());
        Assert.Equal(digest, Digest.Sha256(System.Security.Cryptography.SHA256.HashData(Array.Empty<byte>())));
    }

    [Fact]
    public void A_long_digest_is_another_one_than_its_first_half()
    {
        string half = string.Concat(Enumerable.Repeat("a5", 32)), zeros = new('0', 64);
        var longer = Digest.Parse("sha512:" + half + zeros);
        Assert.Equal("sha512", longer.Algorithm);
        Assert.Equal(half + zeros, longer.Hex);
        Assert.Equal("sha512:" + half + zeros, longer.ToString());
        Assert.Equal(longer, Digest.Parse(longer.ToString()));
        Assert.Equal(longer.GetHashCode(), Digest.Parse(longer.ToString()).GetHashCode());
        Assert.NotEqual(longer, Digest.Parse("sha256:" + half));
        Assert.NotEqual(longer, Digest.Parse("sha512:" + zeros + half));
        Assert.NotEqual(longer, default);
    }

    [Fact]
    public void No_digest_is_no_text()
    {
        Assert.True(default(Digest).IsDefault);
        Assert.Equal("", default(Digest).ToString());
        Assert.Throws<InvalidOperationException>(() => default(Digest).Hex);
    }

    [Fact]
    public void Chain_ids_follow_the_specification()
    {
        var a = new DiffId(Digest.Sha256(System.Security.Cryptography.SHA256.HashData("a"u8)));
        var b = new DiffId(Digest.Sha256(System.Security.Cryptography.SHA256.HashData("b"u8)));
        var chain = ChainId.OfAll([a, b]);
        Assert.Equal(a.Digest, chain[0].Digest);
        Assert.Equal(Digest.Sha256(System.Security.Cryptography.SHA256.HashData(Encoding.ASCII.GetBytes($"{a} {b}"))), chain[1].Digest);
    }

    [Theory]
    [InlineData("../../x")]
    [InlineData("a/b")]
    [InlineData("")]
    [InlineData(".")]
    [InlineData("..")]
    [InlineData("-x")]
    [InlineData("a\0b")]
    public void Layer_ids_are_never_paths(string text) => Assert.False(LayerId.TryParse(text, out _));

    [Fact]
    public void A_layer_id_of_300_characters_is_refused() => Assert.False(LayerId.TryParse(new string('a', 300), out _));
}
