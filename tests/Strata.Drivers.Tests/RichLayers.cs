using System.Text;
using Strata.Testing;

namespace Strata.Drivers.Tests;

/// <summary>Layers that hold what honest tools write, and what is rare in them.</summary>
internal static class RichLayers
{
    /// <summary>Every kind of entry and attribute, over an empty parent.</summary>
    internal static TarBuilder Everything()
    {
        var tar = new TarBuilder();
        tar.Mtime("1234567890.123456789").Dir("./", 0x1ED);
        tar.Mtime("1234567890.5").Dir("dir", 0x3FD, 1000, 1001);
        tar.Mtime("-1.5").File("dir/before-1970", "old", 0x180, 12, 34);
        tar.Mtime("1000000000.000000001").File("dir/nanosecond", "n");
        tar.File("dir/setuid", "s", 0x9ED, 7, 8).File("dir/setgid", "s", 0x5ED, 7, 8).Dir("dir/sticky", 0x3FF).Dir("dir/setgid-dir", 0x5ED, 3, 4);
        tar.File("dir/setgid-dir/inner", "x", 0x1A4, 5, 6).Dir("dir/setgid-dir/inner-dir", 0x1C0, 5, 6);
        tar.Xattr("security.capability", 1, 0, 0, 2, 0x20, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0).File("dir/capable", "c", 0x1ED, 9, 9);
        tar.Xattr("user.binary", 0, 1, 2, 0xFF, (byte)'\n', (byte)'=').Xattr("user.empty").Xattr("trusted.t", 1).File("dir/attributes", "a");
        tar.Xattr("user.on-dir", 5).Xattr("trusted.on-dir", 6).Dir("attributed", 0x1C0);
        tar.Xattr("trusted.on-link", 7).Symlink("attributed/link", "../dir");
        tar.Node("char", '3', 1, 3, 0x1B6).Node("block", '4', 259, 70000, 0x1B0).Node("fifo", '6', mode: 0x1A4);
        tar.File("hard-1", "linked").Hardlink("dir/hard-2", "hard-1").Hardlink("hard-3", "dir/hard-2");
        tar.Symlink("link", "/etc/passwd").Symlink("dangling", "no/where").Hardlink("link-2", "link");
        tar.Raw([(byte)'b', 0xFF, 0xFE, (byte)'x'], '0', content: "not UTF-8"u8.ToArray()).Raw([0xC3, (byte)'/', 0x28], '0', content: "nor this"u8.ToArray());
        tar.File(new string('n', 255), "long name").File("deep/" + string.Join('/', Enumerable.Repeat(new string('d', 60), 20)) + "/file", "long path");
        tar.File("new\nline and space", "x").File("back\\slash", "y").File("large-owner", "z", uid: 3_000_000_000, gid: 4_294_967_294);
        tar.File("no-mode", "", 0).Dir("closed", 0).File("closed/inside", "x");
        tar.Raw(Encoding.UTF8.GetBytes("big"), '0', content: Enumerable.Range(0, 300_000).Select(i => (byte)(i * 31)).ToArray());
        return tar;
    }

    /// <summary>A parent with something to remove and replace.</summary>
    internal static TarBuilder Below() => new TarBuilder()
        .Dir("./").Dir("d", 0x1F8, 11, 12).File("d/one", "1").File("d/two", "2").Xattr("user.sub", 1).Dir("d/sub", 0x1C9, 13, 14).File("d/sub/x", "x")
        .Dir("a").Dir("a/b", 0x1C1, 21, 22).File("a/b/low", "low").File("a/low", "low").File("file", "f").Symlink("link", "d").Symlink("to-file", "file")
        .Dir("e").File("e/f", "ef").File("target", "of a link", 0x9ED, 31, 32);

    /// <summary>Layers that go over <see cref="Below"/>: what a tar may do, in every order.</summary>
    internal static readonly Dictionary<string, Func<TarBuilder>> Over = new()
    {
        ["whiteout"] = () => new TarBuilder().Whiteout("d/one").Whiteout("file").Whiteout("e"),
        ["whiteout of nothing"] = () => new TarBuilder().Whiteout("d/never").Whiteout("never"),
        ["whiteout of nothing in directories that are not there"] = () => new TarBuilder().Whiteout("not/there/x"),
        ["whiteout before its replacement"] = () => new TarBuilder().Whiteout("d").Dir("d", 0x1C0).File("d/new", "n"),
        ["whiteout after its replacement"] = () => new TarBuilder().Dir("d", 0x1C0).File("d/new", "n").Whiteout("d"),
        ["whiteout between"] = () => new TarBuilder().Dir("d", 0x1C0).Whiteout("d").File("d/new", "n"),
        ["whiteout before a file"] = () => new TarBuilder().Whiteout("file").File("file", "new"),
        ["whiteout after a file"] = () => new TarBuilder().File("file", "new").Whiteout("file"),
        ["whiteout of a directory replaced by a file"] = () => new TarBuilder().Whiteout("d").File("d", "file now"),
        ["file over a directory"] = () => new TarBuilder().File("d", "file now"),
        ["file over a directory, whiteout last"] = () => new TarBuilder().File("d", "file now").Whiteout("d"),
        ["directory over a file"] = () => new TarBuilder().Dir("file").File("file/in", "x"),
        ["directory over a link"] = () => new TarBuilder().Dir("link").File("link/in", "x"),
        ["directory over a directory"] = () => new TarBuilder().Dir("d", 0x1C0, 1, 1).Xattr("user.other", 2).Dir("d/sub"),
        ["through a link of a layer below"] = () => new TarBuilder().File("link/in", "x"),
        ["opaque first"] = () => new TarBuilder().Opaque("d").Dir("d", 0x1C0).File("d/new", "n"),
        ["opaque last"] = () => new TarBuilder().Dir("d", 0x1C0).File("d/new", "n").Opaque("d"),
        ["opaque alone"] = () => new TarBuilder().Opaque("d"),
        ["opaque root"] = () => new TarBuilder().File("only", "x").Opaque(""),
        ["opaque of what is not there"] = () => new TarBuilder().Opaque("not/there"),
        ["opaque over a link"] = () => new TarBuilder().Opaque("link").File("link/in", "x"),
        ["opaque and whiteouts"] = () => new TarBuilder().Whiteout("d/one").Opaque("d").Whiteout("d/sub").File("d/sub/new", "n"),
        ["implied directory"] = () => new TarBuilder().File("a/b/c", "c"),
        ["implied directory, two levels, new"] = () => new TarBuilder().File("a/n/m/c", "c"),
        ["implied directory, opaque above last"] = () => new TarBuilder().File("a/b/c", "c").Opaque("a"),
        ["implied directory, opaque above first"] = () => new TarBuilder().Opaque("a").File("a/b/c", "c"),
        ["implied directory, whiteout last"] = () => new TarBuilder().File("a/b/c", "c").Whiteout("a/b"),
        ["implied directory, whiteout first"] = () => new TarBuilder().Whiteout("a/b").File("a/b/c", "c"),
        ["implied directory, listed last"] = () => new TarBuilder().File("a/b/c", "c").Dir("a/b", 0x1C0, 5, 5),
        ["hard link to a layer below"] = () => new TarBuilder().Hardlink("d/linked", "target"),
        ["hard link to a layer below, twice"] = () => new TarBuilder().Hardlink("d/linked", "target").Hardlink("again", "target"),
        ["hard link to a layer below, then the target replaced"] = () => new TarBuilder().Hardlink("d/linked", "target").File("target", "new"),
        ["hard link to a file of an implied directory"] = () => new TarBuilder().Hardlink("x", "a/b/low"),
        ["hard link to a link of a layer below"] = () => new TarBuilder().Hardlink("x", "to-file"),
        ["hard link to a layer below, then its removal"] = () => new TarBuilder().Hardlink("d/linked", "target").Whiteout("target"),
        ["hard link into a directory that is opaque later"] = () => new TarBuilder().Hardlink("x", "a/b/low").Opaque("a/b"),
        ["hard link into a directory, opaque above later"] = () => new TarBuilder().Hardlink("x", "a/b/low").Opaque("a"),
        ["hard link into a directory, opaque root later"] = () => new TarBuilder().Hardlink("x", "a/b/low").Opaque(""),
        ["hard link into a directory that is removed later"] = () => new TarBuilder().Hardlink("x", "a/b/low").Whiteout("a/b"),
        ["hard link into a directory, removed above later"] = () => new TarBuilder().Hardlink("x", "a/b/low").Whiteout("a"),
        ["hard link into a directory, opaque above, then a file in it"] = () => new TarBuilder().Hardlink("x", "a/b/low").Opaque("a").File("a/b/new", "n"),
        ["hard link into a directory, a file in it, then opaque above"] = () => new TarBuilder().Hardlink("x", "a/b/low").File("a/b/new", "n").Opaque("a"),
        ["hard link into a directory, listed, then opaque above"] = () => new TarBuilder().Hardlink("x", "a/b/low").Dir("a/b", 0x1C0).Opaque("a"),
        ["hard link into a directory, whiteout in it, then opaque above"] = () => new TarBuilder().Hardlink("x", "a/b/low").Whiteout("a/b/low").Opaque("a"),
        ["hard link into a directory, opaque above, then a whiteout in it"] = () => new TarBuilder().Hardlink("x", "a/b/low").Opaque("a").Whiteout("a/b/low"),
        ["hard link into a directory, its removal, then opaque above"] = () => new TarBuilder().Hardlink("x", "a/b/low").Whiteout("a/b").Opaque("a"),
        ["hard link into a directory, removed above, then made again"] = () => new TarBuilder().Hardlink("x", "a/b/low").Whiteout("a").File("a/new", "n"),
        ["whiteout in a directory, then opaque above"] = () => new TarBuilder().Whiteout("a/b/low").Opaque("a"),
        ["whiteout in a directory, opaque above, then a file in it"] = () => new TarBuilder().Whiteout("a/b/low").Opaque("a").File("a/b/new", "n"),
        ["whiteout in a directory, its removal, then a file in it"] = () => new TarBuilder().Whiteout("a/b/low").Whiteout("a/b").File("a/b/new", "n"),
        ["whiteout in a directory, then its removal"] = () => new TarBuilder().Whiteout("a/b/low").Whiteout("a/b"),
        ["whiteout in a directory after opaque above"] = () => new TarBuilder().Opaque("a").Whiteout("a/b/low"),
        ["whiteout in a directory that is not there, then opaque above"] = () => new TarBuilder().Whiteout("a/none/x").Opaque("a"),
        ["whiteouts below an opaque directory, first"] = () => new TarBuilder().Whiteout("d/sub/x").File("d/sub/new", "n").Opaque("d"),
        ["duplicate paths"] = () => new TarBuilder().File("n", "first").File("n", "second").File("n", "").File("n", "fourth"),
        ["file, directory, file"] = () => new TarBuilder().File("n", "first").Dir("n").File("n/in", "inner").File("n", "last"),
        ["directory, file, directory"] = () => new TarBuilder().Dir("n").File("n/in", "first").File("n", "mid").Dir("n").File("n/other", "last"),
        ["lower directory, file, directory"] = () => new TarBuilder().File("d", "mid").Dir("d").File("d/other", "last"),
        ["through a link of this layer"] = () => new TarBuilder().Dir("real").Symlink("way", "real").File("way/in", "content").Dir("way/sub").File("way/sub/in", "more"),
        ["through an absolute link of this layer"] = () => new TarBuilder().Dir("real").Symlink("way", "/real").File("way/in", "content"),
        ["through a link that changes"] = () => new TarBuilder().Dir("r1").Dir("r2").Symlink("way", "r1").File("way/in", "one").Symlink("way", "r2").File("way/in", "two"),
        ["link replaced by a directory"] = () => new TarBuilder().Dir("r1").Symlink("way", "r1").File("way/in", "one").Dir("way").File("way/in", "two"),
        ["through a link into a directory of a layer below"] = () => new TarBuilder().Symlink("way", "d").File("way/in", "x"),
        ["whiteout through a link of this layer"] = () => new TarBuilder().Symlink("way", "d").Whiteout("way/one"),
        ["hard links and replacements"] = () => new TarBuilder().File("h1", "one").Hardlink("h2", "h1").File("h1", "two").Hardlink("h3", "h1").File("h3", "three"),
        ["directory with content replaced twice"] = () => new TarBuilder().Dir("n").Dir("n/m").File("n/m/f", "1").File("n", "2").Dir("n").Dir("n/m").File("n/m/f", "3"),
        ["large and small files replaced"] = () => new TarBuilder().File("n", new string('x', 200_000)).File("n", "small").File("n", new string('y', 150_000)),
        ["attributes of a duplicate"] = () => new TarBuilder().Xattr("user.x", 1).File("n", "x", 0x9ED, 5, 5).File("n", "y"),
        ["root listed"] = () => new TarBuilder().Xattr("user.root", 1).Dir("./", 0x1C0, 41, 42).File("n", "x"),
    };

    /// <summary>A sparse file in the forms that tars have.</summary>
    internal static TarBuilder Sparse()
    {
        var tar = new TarBuilder();
        // PAX 1.0: the map leads the data.
        byte[] map = Encoding.ASCII.GetBytes("2\n0\n5\n1048576\n4\n");
        byte[] data = [.. map, .. new byte[512 - map.Length], .. "hello"u8, .. "tail"u8];
        tar.Pax("GNU.sparse.major", "1").Pax("GNU.sparse.minor", "0").Pax("GNU.sparse.name", "sparse-1.0").Pax("GNU.sparse.realsize", "2097152");
        tar.Raw("GNUSparseFile.0/sparse-1.0"u8.ToArray(), '0', content: data);
        // PAX 0.1: the map is a record.
        tar.Pax("GNU.sparse.size", "100000").Pax("GNU.sparse.numblocks", "1").Pax("GNU.sparse.map", "65536,3").Pax("GNU.sparse.name", "sparse-0.1");
        tar.Raw("GNUSparseFile.0/sparse-0.1"u8.ToArray(), '0', content: "abc"u8.ToArray());
        return tar.File("plain", "p");
    }
}
