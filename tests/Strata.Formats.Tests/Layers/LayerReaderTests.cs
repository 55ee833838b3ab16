using System.Text;
using Strata.Formats.Layers;
using Strata.Formats.Tar;

namespace Strata.Formats.Tests.Layers;

public sealed class LayerReaderTests
{
    [Fact]
    public void Entries_come_typed_and_in_order()
    {
        byte[] tar = new TarBytes()
            .Directory("./").Directory("./etc/").File("./etc/passwd", "root", mode: 0x8000 | 0x9ED).Symlink("/lib", "usr/lib").HardLink("etc//passwd-", "./etc/passwd")
            .Entry("dev/null", '3', major: "0000001", minor: "0000003").Entry("dev/sda", '4', major: "0000010", minor: "0000000").Entry("run/pipe", '6').End();
        Assert.Equal(
            ["Directory /", "Directory /etc", "RegularFile /etc/passwd", "Symlink /lib", "HardLink /etc/passwd-", "CharDevice /dev/null", "BlockDevice /dev/sda", "Fifo /run/pipe"],
            All(tar).Select(e => e.ToString()));
        Assert.Equal(0x9ED, All(tar)[2].Mode);
        Assert.Equal("usr/lib"u8.ToArray(), All(tar)[3].LinkTarget);
        Assert.Equal("/etc/passwd", All(tar)[4].HardLinkTarget.ToString());
        Assert.Equal((1u, 3u), (All(tar)[5].DeviceMajor, All(tar)[5].DeviceMinor));
    }

    [Fact]
    public void Whiteouts_and_opaque_marks_are_typed()
    {
        byte[] tar = new TarBytes().File(".wh.gone").File("./a/.wh.b").File("a/.wh..wh..opq").File(".wh..wh..opq").Directory("c/.wh.d/").File("a/.wh....").End();
        Assert.Equal(
            ["Whiteout /gone", "Whiteout /a/b", "Opaque /a", "Opaque /", "Whiteout /c/d", "Whiteout /a/..."],
            All(tar).Select(e => e.ToString()));
    }

    [Fact]
    public void Metadata_of_aufs_is_skipped_with_all_below_it()
    {
        byte[] tar = new TarBytes()
            .File(".wh..wh.aufs").Directory(".wh..wh.plnk/").File(".wh..wh.plnk/12.34", "x").HardLink(".wh..wh.plnk/.wh.y", "nowhere").File("a/.wh..wh.orph/b").File("kept").End();
        Assert.Equal(["RegularFile /kept"], All(tar).Select(e => e.ToString()));
    }

    [Theory]
    [InlineData(".wh.")]
    [InlineData(".wh..")]
    [InlineData(".wh...")]
    [InlineData("etc/.wh.")]
    [InlineData("etc/.wh..")]
    [InlineData("etc/.wh...")]
    [InlineData(".wh.etc/file")]
    [InlineData("a/.wh.b/c/d")]
    [InlineData(".wh.a/.wh..wh.plnk")]
    [InlineData("dne/../.wh.etc")]
    [InlineData(".wh.x/../y")]
    [InlineData("..")]
    [InlineData("../x")]
    [InlineData("/../x")]
    [InlineData("a/../../x")]
    [InlineData("a/..")]
    [InlineData("./..")]
    [InlineData("")]
    [InlineData("/")]
    [InlineData("/.")]
    [InlineData("./")]
    [InlineData(".")]
    public void A_file_of_this_name_is_refused_and_named(string name) =>
        Refused(new TarBytes().File(name, "x").End(), $"'{name}'");

    [Theory]
    [InlineData(".")]
    [InlineData("/")]
    [InlineData("/.")]
    [InlineData("./")]
    public void The_root_is_a_directory_and_nothing_else(string name)
    {
        Assert.True(Assert.Single(All(new TarBytes().Directory(name).End())).Path.IsRoot);
        Refused(new TarBytes().Symlink(name, "/host").End(), "root of a layer"); // CVE-2021-29136
        Refused(new TarBytes().HardLink(name, "etc/x").End(), "root of a layer");
        Refused(new TarBytes().Entry(name, '6').End(), "root of a layer");
    }

    [Fact]
    public void A_directory_without_a_name_is_refused() => Refused(new TarBytes().Directory("").End(), "no name");

    [Theory]
    [InlineData("../x")]
    [InlineData("a/../../x")]
    [InlineData("")]
    [InlineData("/")]
    [InlineData("./.")]
    [InlineData("link")]
    [InlineData("./link")]
    [InlineData("/link/")]
    [InlineData(".wh.x")]
    [InlineData("a/.wh.x")]
    [InlineData(".wh.a/x")]
    [InlineData(".wh..wh.plnk/1.2")]
    [InlineData(".wh..wh..opq")]
    public void A_hard_link_to_this_target_is_refused(string target) =>
        Refused(new TarBytes().HardLink("link", target).End(), "'link'");

    [Fact]
    public void A_hard_link_may_come_before_its_target_or_point_below() =>
        Assert.Equal("/lower/x", Assert.Single(All(new TarBytes().HardLink("link", "/lower/x").End())).HardLinkTarget.ToString());

    [Fact]
    public void A_symlink_points_wherever_it_wants_but_not_nowhere()
    {
        Assert.Equal("../../../etc"u8.ToArray(), All(new TarBytes().Symlink("l", "../../../etc").End())[0].LinkTarget);
        Refused(new TarBytes().Symlink("l", "").End(), "target");
        Refused(new TarBytes().Pax("linkpath", new string('a', 4096)).Symlink("l", "x").End(), "target");
    }

    [Fact]
    public void Overlays_whiteout_device_is_refused()
    {
        Refused(new TarBytes().Entry("x", '3').End(), "0:0");
        Assert.Equal(EntryKind.BlockDevice, Assert.Single(All(new TarBytes().Entry("x", '4').End())).Kind);
    }

    [Theory]
    [InlineData("0010000", "0000000")]
    [InlineData("0000000", "4000000")]
    public void A_device_number_out_of_range_is_refused(string major, string minor)
    {
        Refused(new TarBytes().Entry("x", '4', major: major, minor: minor).End(), "range");
        Assert.Equal((4095u, 1_048_575u), All(new TarBytes().Entry("x", '3', major: "0007777", minor: "3777777").End()) is [var e] ? (e.DeviceMajor, e.DeviceMinor) : default);
    }

    [Theory]
    [InlineData("uid", "4294967295")]
    [InlineData("uid", "4294967296")]
    [InlineData("gid", "99999999999")]
    [InlineData("gid", "-1")]
    public void An_owner_out_of_range_is_refused(string key, string value) => // CVE-2024-40635
        Assert.Equal(ErrorKind.InvalidArgument, Assert.Throws<StrataException>(() => All(new TarBytes().Pax(key, value).File("x").End())).Kind);

    [Theory]
    [InlineData("user.x")]
    [InlineData("system.posix_acl_access")]
    [InlineData("security.capability")]
    [InlineData("trusted.overlay.opaque")]
    public void Attributes_are_carried_as_bytes(string name)
    {
        var xattr = Assert.Single(Assert.Single(All(new TarBytes().Pax("SCHILY.xattr." + name, "a=\0b\n").File("x").End())).Xattrs);
        Assert.Equal(name, Encoding.UTF8.GetString(xattr.Name));
        Assert.Equal("a=\0b\n"u8.ToArray(), xattr.Value);
    }

    [Theory]
    [InlineData("nodot")]
    [InlineData(".x")]
    [InlineData("user.")]
    [InlineData("user.\0")]
    public void A_broken_attribute_name_is_refused(string name) =>
        Refused(new TarBytes().Pax("SCHILY.xattr." + name, "v").File("x").End(), "extended attribute");

    [Fact]
    public void An_attribute_name_over_255_bytes_is_refused()
    {
        string name = "user." + new string('n', 250);
        Assert.Single(All(new TarBytes().Pax("SCHILY.xattr." + name, "v").File("x").End())[0].Xattrs);
        Refused(new TarBytes().Pax("SCHILY.xattr." + name + "n", "v").File("x").End(), "extended attribute");
    }

    [Fact]
    public void Limits_are_kept_and_named()
    {
        string name255 = new('n', 255);
        Assert.Single(All(new TarBytes().Pax("path", "a/" + name255).File("x").End()));
        OverLimit(new TarBytes().Pax("path", "a/" + name255 + "n").File("x").End(), new LayerLimits(), nameof(LayerLimits.MaxNameBytes));
        OverLimit(new TarBytes().Pax("linkpath", name255 + "n/a").HardLink("x", "y").End(), new LayerLimits(), nameof(LayerLimits.MaxNameBytes));
        OverLimit(new TarBytes().File("a/b/c/d").End(), new LayerLimits { MaxPathDepth = 3 }, nameof(LayerLimits.MaxPathDepth));
        OverLimit(new TarBytes().File("a/b/c/.wh.d").End(), new LayerLimits { MaxPathDepth = 3 }, nameof(LayerLimits.MaxPathDepth));
        OverLimit(new TarBytes().File("abcdefgh").End(), new LayerLimits { MaxPathBytes = 7 }, nameof(LayerLimits.MaxPathBytes));
        OverLimit(new TarBytes().HardLink("a", "abcdefgh").End(), new LayerLimits { MaxPathBytes = 7 }, nameof(LayerLimits.MaxPathBytes));
        OverLimit(new TarBytes().File("a").File("b").End(), new LayerLimits { MaxEntries = 1 }, nameof(LayerLimits.MaxEntries));
        OverLimit(new TarBytes().File("a", "12345678").End(), new LayerLimits { MaxContentBytes = 7 }, nameof(LayerLimits.MaxContentBytes));
        OverLimit(new TarBytes().File("a").End(), new LayerLimits { MaxTarBytes = 1023 }, nameof(LayerLimits.MaxTarBytes));
        OverLimit(new TarBytes().Pax("SCHILY.xattr.user.a", "123").File("a").End(), new LayerLimits { MaxXattrValueBytes = 2 }, nameof(LayerLimits.MaxXattrValueBytes));
    }

    [Fact]
    public void The_longest_name_can_be_whited_out()
    {
        string name = new('n', 255);
        Assert.Equal("/" + name, Assert.Single(All(new TarBytes().Pax("path", ".wh." + name).File("x").End())).Path.ToString());
        OverLimit(new TarBytes().Pax("path", ".wh." + name + "n").File("x").End(), new LayerLimits(), nameof(LayerLimits.MaxNameBytes));
    }

    [Fact]
    public void Duplicates_are_passed_on() => Assert.Equal(2, All(new TarBytes().File("a", "1").File("./a", "2").End()).Count);

    [Fact]
    public void Content_position_and_totals_are_told()
    {
        byte[] tar = new TarBytes().File("a", "abc").File(".wh.b", "ignored").File("c", "defg").End();
        using var reader = new LayerReader(new MemoryStream(tar));
        Assert.Equal("/a", reader.ReadNext()!.Path.ToString());
        Assert.Equal((0, 512), (reader.EntryIndex, reader.DataOffsetBytes));
        Assert.Equal("abc"u8.ToArray(), reader.Content.ReadChunk(100).ToArray());
        Assert.Equal(EntryKind.Whiteout, reader.ReadNext()!.Kind);
        Assert.Equal("/c", reader.ReadNext()!.Path.ToString());
        Assert.Equal((2, 2560), (reader.EntryIndex, reader.DataOffsetBytes));
        Assert.Null(reader.ReadNext());
        Assert.Equal(7, reader.ContentBytesTotal);
        Assert.Equal(tar.Length, reader.PositionBytes);
    }

    [Fact]
    public void Cancelling_stops()
    {
        using var reader = new LayerReader(new MemoryStream(new TarBytes().File("a").End()));
        Assert.Throws<OperationCanceledException>(() => reader.ReadNext(new CancellationToken(canceled: true)));
    }

    private static List<LayerEntry> All(byte[] tar, LayerLimits? limits = null)
    {
        using var reader = new LayerReader(new MemoryStream(tar), new TarReaderOptions { Limits = limits ?? LayerLimits.Default });
        var entries = new List<LayerEntry>();
        while (reader.ReadNext() is { } entry)
            entries.Add(entry);
        return entries;
    }

    private static void Refused(byte[] tar, string word)
    {
        var error = Assert.Throws<StrataException>(() => All(tar));
        Assert.True(error.Kind == ErrorKind.InvalidArgument, error.ToString());
        Assert.Contains(word, error.Message, StringComparison.Ordinal);
    }

    private static void OverLimit(byte[] tar, LayerLimits limits, string limit)
    {
        var error = Assert.Throws<StrataException>(() => All(tar, limits));
        Assert.True(error.Kind == ErrorKind.Exhausted, error.ToString());
        Assert.Contains("Raise the limit " + limit, error.Message, StringComparison.Ordinal);
    }
}
