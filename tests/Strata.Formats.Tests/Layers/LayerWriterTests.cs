using System.Text;
using Strata.Formats.Layers;

namespace Strata.Formats.Tests.Layers;

public sealed class LayerWriterTests
{
    [Fact]
    public void Marks_are_empty_files_of_1970_with_the_same_bytes_each_time()
    {
        byte[] tar = Write(
            new LayerEntry { Path = EntryPath.Of("a/b"), Kind = EntryKind.Whiteout, Mtime = new FileTime(1_700_000_000, 5), Uid = 7 },
            new LayerEntry { Path = EntryPath.Of("a"), Kind = EntryKind.Opaque },
            new LayerEntry { Path = EntryPath.Root, Kind = EntryKind.Opaque });
        Assert.Equal(["a/.wh.b", "a/.wh..wh..opq", ".wh..wh..opq"], Enumerable.Range(0, 3).Select(i => Encoding.ASCII.GetString(tar, i * 512, 100).TrimEnd('\0')));
        for (int i = 0; i < 3; i++)
        {
            Assert.Equal("0000600\0" + "0000000\0" + "0000000\0" + "00000000000\0" + "00000000000\0", Encoding.ASCII.GetString(tar, (i * 512) + 100, 48));
            Assert.Equal((byte)'0', tar[(i * 512) + 156]);
        }
        Assert.Equal(Write(new LayerEntry { Path = EntryPath.Of("x"), Kind = EntryKind.Whiteout }), Write(new LayerEntry { Path = EntryPath.Of("x"), Kind = EntryKind.Whiteout, Mtime = new FileTime(9, 0) }));
    }

    [Fact]
    public void What_was_written_is_read_again()
    {
        LayerEntry[] entries =
        [
            new() { Path = EntryPath.Root, Kind = EntryKind.Directory, Mode = 0x1ED },
            new() { Path = EntryPath.Of("d"), Kind = EntryKind.Directory, Mode = 0x3ED, Uid = 4_000_000_000, Gid = 3, Mtime = new FileTime(-5, 123_456_789) },
            new() { Path = EntryPath.Create([0xFF, (byte)'/', 0xC3]), Kind = EntryKind.RegularFile, SizeBytes = 0, Xattrs = [new Xattr("user.a"u8.ToArray(), [0, 1, 0xFF])] },
            new() { Path = EntryPath.Of("d/gone"), Kind = EntryKind.Whiteout },
            new() { Path = EntryPath.Of("d"), Kind = EntryKind.Opaque },
            new() { Path = EntryPath.Of("l"), Kind = EntryKind.Symlink, LinkTarget = Encoding.ASCII.GetBytes(new string('t', 300)) },
            new() { Path = EntryPath.Of("h"), Kind = EntryKind.HardLink, HardLinkTarget = EntryPath.Of(new string('h', 200)) },
            new() { Path = EntryPath.Of("c"), Kind = EntryKind.CharDevice, DeviceMajor = 5, DeviceMinor = 1_048_575 },
            new() { Path = EntryPath.Of("b"), Kind = EntryKind.BlockDevice },
            new() { Path = EntryPath.Of("f"), Kind = EntryKind.Fifo },
            new() { Path = EntryPath.Of(new string('n', 255)), Kind = EntryKind.Whiteout },
        ];
        using var reader = new LayerReader(new MemoryStream(Write(entries)));
        foreach (var entry in entries)
            Assert.Equal(Describe(entry), Describe(reader.ReadNext()!));
        Assert.Null(reader.ReadNext());

        static string Describe(LayerEntry e) =>
            $"{e} {(e.IsFileSystemObject ? $"{e.Mode} {e.Uid} {e.Gid} {e.Mtime}" : "")} {Encoding.ASCII.GetString(e.LinkTarget ?? [])} {e.HardLinkTarget} {e.DeviceMajor}:{e.DeviceMinor} "
            + string.Join(',', e.Xattrs.Select(x => Convert.ToHexString(x.Name) + "=" + Convert.ToHexString(x.Value)));
    }

    public static TheoryData<LayerEntry, string> Impossible => new()
    {
        { new() { Path = EntryPath.Of("s"), Kind = EntryKind.Socket }, "/s" },
        { new() { Path = EntryPath.Of("w"), Kind = EntryKind.CharDevice }, "/w" },
        { new() { Path = EntryPath.Of("d/.wh.x"), Kind = EntryKind.RegularFile }, "/d/.wh.x" },
        { new() { Path = EntryPath.Of(".wh.x/y"), Kind = EntryKind.RegularFile }, "/.wh.x/y" },
        { new() { Path = EntryPath.Of(".wh.x"), Kind = EntryKind.Whiteout }, "/.wh.x" },
        { new() { Path = EntryPath.Of(".wh.x"), Kind = EntryKind.Opaque }, "/.wh.x" },
        { new() { Path = EntryPath.Of("l"), Kind = EntryKind.HardLink, HardLinkTarget = EntryPath.Of("a/.wh.b") }, "/l" },
    };

    [Theory]
    [MemberData(nameof(Impossible))]
    public void What_a_layer_has_no_form_for_is_refused_by_name(LayerEntry entry, string name)
    {
        Assert.False(LayerWriter.CanHold(entry));
        Refused(entry, name);
    }

    [Fact]
    public void Nonsense_is_refused_and_not_just_left_out()
    {
        LayerEntry[] nonsense =
        [
            new() { Path = EntryPath.Root, Kind = EntryKind.Whiteout },
            new() { Path = EntryPath.Root, Kind = EntryKind.Symlink, LinkTarget = [1] },
            new() { Path = EntryPath.Of("l"), Kind = EntryKind.Symlink },
            new() { Path = EntryPath.Of("l"), Kind = EntryKind.HardLink },
            new() { Path = EntryPath.Of("l"), Kind = EntryKind.HardLink, HardLinkTarget = EntryPath.Of("l") },
        ];
        foreach (var entry in nonsense)
        {
            Assert.True(LayerWriter.CanHold(entry));
            Refused(entry, entry.Path.ToString());
        }
    }

    private static void Refused(LayerEntry entry, string name)
    {
        var error = Assert.Throws<StrataException>(() => Write(entry));
        Assert.Equal(ErrorKind.InvalidArgument, error.Kind);
        Assert.Contains(name, error.Message, StringComparison.Ordinal);
    }

    private static byte[] Write(params LayerEntry[] entries)
    {
        using var result = new MemoryStream();
        using (var writer = new LayerWriter(result, leaveOpen: true))
        {
            foreach (var entry in entries)
                writer.Write(entry, EntryContent.Empty);
            writer.Complete();
        }
        return result.ToArray();
    }
}
