using System.Text;

namespace Strata.Trees.Tests;

public sealed class StatOverrideTests
{
    [Theory]
    [InlineData("0:0:0755", 0u, 0u, 0x1ED, null, 0u, 0u)]
    [InlineData("1000:100:0644:file", 1000u, 100u, 0x1A4, EntryKind.RegularFile, 0u, 0u)]
    [InlineData("0:5:020620:char-5-1", 0u, 5u, 0x190, EntryKind.CharDevice, 5u, 1u)]
    [InlineData("0:6:0660:block-7-300", 0u, 6u, 0x1B0, EntryKind.BlockDevice, 7u, 300u)]
    [InlineData("4294967295:0:04755:dir", 4294967295u, 0u, 0x9ED, EntryKind.Directory, 0u, 0u)]
    public void Values_of_peers_are_read(string text, uint uid, uint gid, int mode, EntryKind? kind, uint major, uint minor)
    {
        Assert.True(StatOverride.TryParse(Encoding.ASCII.GetBytes(text), out var value));
        Assert.Equal(new StatOverride(uid, gid, mode, kind, major, minor), value);
    }

    [Theory]
    [InlineData("")]
    [InlineData("0:0")]
    [InlineData("-1:0:0644")]
    [InlineData("0:0:0989")]
    [InlineData("0:0:0644:char-5")]
    [InlineData("0:0:0644:char-5-x")]
    [InlineData("0:0:0644:file:more")]
    [InlineData("4294967296:0:0644")]
    [InlineData("0:0:77777777777777777777")]
    public void Broken_values_are_refused(string text) => Assert.False(StatOverride.TryParse(Encoding.ASCII.GetBytes(text), out _));

    [Fact]
    public void What_is_written_is_read_back()
    {
        foreach (var kind in new[] { EntryKind.RegularFile, EntryKind.Directory, EntryKind.Fifo, EntryKind.Socket, EntryKind.CharDevice, EntryKind.BlockDevice })
        {
            var value = new StatOverride(4000000000, 7, 0xFFF, kind, kind is EntryKind.CharDevice or EntryKind.BlockDevice ? 511u : 0, 0);
            Assert.True(StatOverride.TryParse(value.ToBytes(), out var read));
            Assert.Equal(value, read);
        }
    }
}
