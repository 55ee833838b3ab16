using System.Text;
using CsCheck;

namespace Strata.Tests;

public class EntryPathTests
{
    [Theory]
    [InlineData("/a//b/./c/", "a/b/c")]
    [InlineData("./", "")]
    [InlineData("/", "")]
    [InlineData("", "")]
    [InlineData("...", "...")]
    [InlineData("a/..b", "a/..b")]
    [InlineData("./a", "a")]
    [InlineData("a/.", "a")]
    public void Paths_are_cleaned(string raw, string clean) =>
        Assert.Equal(clean, Encoding.UTF8.GetString(EntryPath.Of(raw).Bytes));

    [Theory]
    [InlineData("..")]
    [InlineData("../x")]
    [InlineData("/../x")]
    [InlineData("a/../b")]
    [InlineData("a/..")]
    [InlineData("a\0b")]
    public void Paths_that_reach_outside_are_refused(string raw) =>
        Assert.False(EntryPath.TryCreate(Encoding.UTF8.GetBytes(raw), out _));

    [Fact]
    public void Order_is_that_of_a_depth_first_walk()
    {
        string[] walk = ["", "a", "a/b", "a/b/c", "a-b", "a.b", "ab", "b"];
        var shuffled = walk.Reverse().Select(EntryPath.Of).ToArray();
        Array.Sort(shuffled);
        Assert.Equal(walk.Select(EntryPath.Of), shuffled);
    }

    [Fact]
    public void Clean_paths_stay_as_they_are() =>
        Gen.String[Gen.Char["ab./"], 0, 12].Sample(text =>
        {
            byte[] raw = Encoding.UTF8.GetBytes(text);
            bool reachesOutside = text.Split('/').Contains("..");
            Assert.Equal(!reachesOutside, EntryPath.TryCreate(raw, out var path));
            if (reachesOutside)
                return;
            string expected = string.Join('/', text.Split('/').Where(part => part is not ("" or ".")));
            Assert.Equal(expected, Encoding.UTF8.GetString(path.Bytes));
            Assert.True(EntryPath.TryCreate(path.Bytes, out var again));
            Assert.Equal(path, again);
        });

    [Fact]
    public void Names_that_are_not_text_can_be_told_apart_when_shown()
    {
        Assert.Equal("/latin1-\\xe9", EntryPath.Create("latin1-\xe9"u8.ToArray()[..7].Append((byte)0xe9).ToArray()).ToString());
        Assert.Equal("/new\\x0aline", EntryPath.Of("new\nline").ToString());
        Assert.Equal("/back\\\\slash", EntryPath.Of("back\\slash").ToString());
    }
}
