namespace Strata.Primitives.Tests;

public sealed class IdMappingTests
{
    private static readonly IdRange[] Good = [new(0, 100000, 65536)];

    [Theory]
    [InlineData("0:100000:65536")]
    [InlineData("0:1000:1,1:100000:65536")]
    [InlineData("5:7:10,0:100:5")]
    [InlineData("0:0:4294967295")]
    public void A_mapping_is_read_as_it_is_written(string ranges)
    {
        var parsed = ranges.Split(',').Select(IdRange.ParseOne).ToArray();
        var mapping = IdMapping.Create(parsed, Good);
        Assert.Equal($"{ranges}/0:100000:65536", mapping.ToString());
        Assert.Equal(mapping, IdMapping.Parse(mapping.ToString()));
        foreach (var range in parsed)
        {
            foreach (long id in (long[])[range.Container, range.Container + range.Size - 1])
                Assert.Equal(id, IdMapping.ToContainer(parsed, IdMapping.ToHost(parsed, id)));
        }
    }

    [Theory]
    [InlineData("", "expected")]
    [InlineData("0:1", "expected")]
    [InlineData("0:-1:5", "expected")]
    [InlineData("a:b:c", "expected")]
    [InlineData("0:1:99999999999999999999", "expected")]
    [InlineData("0:1000:0", "size is 0")]
    [InlineData("1:1000:10", "root")]
    [InlineData("0:1000:10,9:5000:1", "overlap")]
    [InlineData("0:1000:10,10:1009:1", "overlap")]
    [InlineData("0:4294967290:6", "last ID")]
    [InlineData("4294967295:0:1", "last ID")]
    [InlineData("0:0:4294967296", "last ID")]
    [InlineData("0:9223372036854775807:9223372036854775807", "last ID")]
    public void What_is_no_mapping_is_told(string ranges, string word)
    {
        var e = Assert.Throws<StrataException>(() => IdMapping.Create(ranges.Split(',').Select(IdRange.ParseOne).ToArray(), Good));
        Assert.Equal(ErrorKind.InvalidArgument, e.Kind);
        Assert.Contains(word, e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void An_ID_outside_of_all_ranges_has_no_place()
    {
        Assert.Equal(ErrorKind.InvalidArgument, Assert.Throws<StrataException>(() => IdMapping.ToHost(Good, 65536)).Kind);
        Assert.Equal(IdMapping.Overflow, IdMapping.ToContainer(Good, 99999));
        Assert.Equal(ErrorKind.Corrupt, Assert.Throws<StrataException>(() => IdMapping.Parse("0:1:x/")).Kind);
    }
}
