using Strata.Oci.Registries;

namespace Strata.Oci.Tests;

/// <summary>Names of images: what is one, and what would lead elsewhere if it were taken for one.</summary>
public sealed class ReferenceTests
{
    private const string Hex = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";

    [Theory]
    [InlineData("box", null, "box", null)]
    [InlineData("box:1.0_a-B", null, "box", "1.0_a-B")]
    [InlineData("team/box", null, "team/box", null)]
    [InlineData("localhost/box", "localhost", "box", null)]
    [InlineData("localhost:5000/box:1", "localhost:5000", "box", "1")]
    [InlineData("example.org/a/b/c:1", "example.org", "a/b/c", "1")]
    [InlineData("EXAMPLE.org/box", "EXAMPLE.org", "box", null)]
    [InlineData("[::1]:5000/box", "[::1]:5000", "box", null)]
    [InlineData("example.org/a__b/c-d--e/f.g", "example.org", "a__b/c-d--e/f.g", null)]
    public void A_name_is_read_in_its_parts(string text, string? host, string path, string? tag) =>
        Assert.Equal((host, path, tag), (ImageReference.Parse(text).Host, ImageReference.Parse(text).Path, ImageReference.Parse(text).Tag));

    [Theory]
    [InlineData("")]
    [InlineData(" ")]
    [InlineData("/")]
    [InlineData("/box")]
    [InlineData("box/")]
    [InlineData("a//b")]
    [InlineData("../box")]
    [InlineData("a/../b")]
    [InlineData("a/./b")]
    [InlineData("Box")]
    [InlineData("a/Box")]
    [InlineData("box:")]
    [InlineData("box:.1")]
    [InlineData("box:-1")]
    [InlineData("box:a/b")]
    [InlineData("box:1:2")]
    [InlineData("bo x")]
    [InlineData("box\n")]
    [InlineData("box\0")]
    [InlineData("böx")]
    [InlineData("-box")]
    [InlineData("box_")]
    [InlineData("a___b")]
    [InlineData("a..b/c")]
    [InlineData("--flag")]
    [InlineData("box?x=1")]
    [InlineData("box#x")]
    [InlineData("box%2fx")]
    [InlineData("https://example.org/box")]
    [InlineData("user:password@example.org/box")]
    [InlineData("example.org:99999999/box")]
    [InlineData("example.org:/box")]
    [InlineData("example..org/box")]
    [InlineData("[::1/box")]
    [InlineData("[x]/box")]
    [InlineData("box@")]
    [InlineData("box@sha256:abc")]
    [InlineData("box@sha256:../../../../etc/passwd")]
    [InlineData("box@md5:d41d8cd98f00b204e9800998ecf8427e")]
    [InlineData("box@sha256:" + Hex + "@sha256:" + Hex)]
    [InlineData("@sha256:" + Hex)]
    public void What_is_none_is_refused_with_what_is_wrong(string text)
    {
        Assert.Equal(ErrorKind.InvalidArgument, Assert.ThrowsAny<StrataException>(() => ImageReference.Parse(text)).Kind);
        Assert.Equal(ErrorKind.InvalidArgument, Assert.ThrowsAny<StrataException>(() => RegistryReference.Parse(text, "example.org")).Kind);
    }

    [Fact]
    public void Lengths_have_limits_and_messages_do_not_repeat_what_is_endless()
    {
        string path = string.Join('/', Enumerable.Repeat("a", 127)); // 253
        Assert.Equal(path + "/b", ImageReference.Parse(path + "/b").Path);
        foreach (string text in new[] { path + "/bb", new string('a', 100_000), "box:" + new string('t', 129) })
        {
            var e = Assert.ThrowsAny<StrataException>(() => ImageReference.Parse(text));
            Assert.Equal(ErrorKind.InvalidArgument, e.Kind);
            Assert.True(e.Message.Length < 1000, e.Message);
        }
        Assert.Equal(128, ImageReference.Parse("box:" + new string('t', 128)).Tag!.Length);
    }
}
