using System.Text;
using Strata.Formats.Layers;

namespace Strata.Formats.Tests.Layers;

public sealed class WhiteoutNamesTests
{
    [Theory]
    [InlineData("file", WhiteoutName.Ordinary)]
    [InlineData(".wh", WhiteoutName.Ordinary)]
    [InlineData(".whx", WhiteoutName.Ordinary)]
    [InlineData("x.wh.y", WhiteoutName.Ordinary)]
    [InlineData(".wh.x", WhiteoutName.Whiteout)]
    [InlineData(".wh..x", WhiteoutName.Whiteout)]
    [InlineData(".wh....", WhiteoutName.Whiteout)]
    [InlineData(".wh..wh", WhiteoutName.Whiteout)]
    [InlineData(".wh..wh..opq", WhiteoutName.Opaque)]
    [InlineData(".wh..wh..opq2", WhiteoutName.AufsMetadata)]
    [InlineData(".wh..wh.", WhiteoutName.AufsMetadata)]
    [InlineData(".wh..wh.aufs", WhiteoutName.AufsMetadata)]
    [InlineData(".wh..wh.plnk", WhiteoutName.AufsMetadata)]
    [InlineData(".wh.", WhiteoutName.Malformed)]
    [InlineData(".wh..", WhiteoutName.Malformed)]
    [InlineData(".wh...", WhiteoutName.Malformed)]
    public void Names_are_classified(string name, WhiteoutName meaning) =>
        Assert.Equal(meaning, WhiteoutNames.Classify(Encoding.UTF8.GetBytes(name)));

    [Theory]
    [InlineData("", "")]
    [InlineData("a/b", "")]
    [InlineData("a.wh./b.wh.c", "")]
    [InlineData(".wh.a", ".wh.a")]
    [InlineData(".wh.a/b", ".wh.a")]
    [InlineData("a/.wh.b/.wh.c", ".wh.b")]
    [InlineData("a/b/.wh.", ".wh.")]
    public void The_first_reserved_component_is_found(string path, string reserved) =>
        Assert.Equal(reserved, Encoding.UTF8.GetString(WhiteoutNames.FirstReserved(Encoding.UTF8.GetBytes(path))));

    [Fact]
    public void Marks_are_named()
    {
        Assert.Equal("/a/.wh.b", WhiteoutNames.WhiteoutOf(EntryPath.Of("a/b")).ToString());
        Assert.Equal("/.wh.b", WhiteoutNames.WhiteoutOf(EntryPath.Of("b")).ToString());
        Assert.Equal("/a/.wh..wh..opq", WhiteoutNames.OpaqueMarkOf(EntryPath.Of("a")).ToString());
        Assert.Equal("/.wh..wh..opq", WhiteoutNames.OpaqueMarkOf(EntryPath.Root).ToString());
    }
}
