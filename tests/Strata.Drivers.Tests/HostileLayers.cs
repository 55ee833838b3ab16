using System.Text;
using Strata.Testing;

namespace Strata.Drivers.Tests;

/// <summary>Archives that try to reach outside, or to be taken for what they are not.</summary>
internal static class HostileLayers
{
    private const string Up = "../../../../../../../../../../../..";

    /// <summary>One attack.</summary>
    /// <param name="Refused">The kind of error; null: it is unpacked, inside the root.</param>
    /// <param name="Build">Makes it, given the absolute path of a file that must not change.</param>
    internal sealed record Attack(ErrorKind? Refused, Func<string, TarBuilder> Build);

    internal static readonly Dictionary<string, Attack> All = new()
    {
        // Names.
        ["name: ../victim"] = Bad(v => new TarBuilder().File("../victim", "pwned")),
        ["name: /../victim"] = Bad(v => new TarBuilder().File("/../victim", "pwned")),
        ["name: up and out"] = Bad(v => new TarBuilder().File(Up + v, "pwned")),
        ["name: down and out"] = Bad(v => new TarBuilder().Dir("d").File("d/../../victim", "pwned")),
        ["name: .."] = Bad(v => new TarBuilder().Dir("..")),
        ["name: symlink named .."] = Bad(v => new TarBuilder().Symlink("..", v)),
        ["name: absolute"] = Good(v => new TarBuilder().File(v, "inside")),
        ["name: empty"] = Bad(v => new TarBuilder().Raw([], '0', content: "x"u8.ToArray())),
        ["name: NUL in a PAX path"] = Bad(v => new TarBuilder().Pax("path", [(byte)'a', 0, (byte)'b']).File("x", "y"), ErrorKind.Corrupt),
        ["name: slash at the end"] = Good(v => new TarBuilder().Raw("d/new/"u8.ToArray(), '5')),
        ["name: dot segments"] = Good(v => new TarBuilder().File("./d/./x//y", "z")),
        ["name: 256 bytes"] = Bad(v => new TarBuilder().File(new string('n', 256), "x"), ErrorKind.Exhausted),
        ["name: 2,000 directories deep"] = Bad(v => new TarBuilder().File(string.Join('/', Enumerable.Repeat("d", 2000)), "x"), ErrorKind.Exhausted),
        ["name: 1,000 directories deep"] = Good(v => new TarBuilder().File(string.Join('/', Enumerable.Repeat("d", 1000)), "x")),
        ["root: symlink"] = Bad(v => new TarBuilder().Symlink("./", v).File("x", "y")),
        ["root: symlink /."] = Bad(v => new TarBuilder().Symlink("/.", v).File("x", "y")),
        ["root: file"] = Bad(v => new TarBuilder().File(".", "y")),
        ["root: hard link"] = Bad(v => new TarBuilder().Hardlink(".", "d/one")),

        // Symbolic links on the way.
        ["symlink: absolute, then through"] = Good(v => new TarBuilder().Symlink("x", Path.GetDirectoryName(v)!).File("x/victim", "pwned")),
        ["symlink: relative, then through"] = Good(v => new TarBuilder().Symlink("x", Up + Path.GetDirectoryName(v)).File("x/victim", "pwned")),
        ["symlink: to the victim, then over"] = Good(v => new TarBuilder().Symlink("x", v).File("x", "pwned")),
        ["symlink: to the victim, then a directory"] = Good(v => new TarBuilder().Symlink("x", v).Dir("x", 0x1FF, 1, 1)),
        ["symlink: to a directory outside, then its entry as a directory"] = Good(v => new TarBuilder().Symlink("x", Path.GetDirectoryName(v)!).Dir("x", 0x1FF, 1, 1)),
        ["symlink: of links"] = Good(v => new TarBuilder().Symlink("a", "b").Symlink("b", "c").Symlink("c", Up).File("a" + v, "pwned")),
        ["symlink: parent"] = Good(v => new TarBuilder().Symlink("x", "..").File("x/victim", "pwned")),
        ["symlink: loop, then through"] = Bad(v => new TarBuilder().Symlink("a", "b").Symlink("b", "a").File("a/x", "pwned")),
        ["symlink: override path"] = Good(v => new TarBuilder().Dir("foo").Dir("foo/tmp").File("foo/tmp/f", "1").Symlink("foo", "/").File("foo/tmp/f", "2")),
        ["symlink: override path by another directory"] = Good(v => new TarBuilder().Dir("foo").File("foo/victim", "1").Symlink("foo", Path.GetDirectoryName(v)!).File("foo/victim", "2")),
        ["symlink: in a layer below, then through"] = Good(v => new TarBuilder().File("link/" + Path.GetFileName(v), "pwned")),
        ["symlink: to /proc/self/root"] = Good(v => new TarBuilder().Symlink("x", "/proc/self/root").File("x" + v, "pwned")),
        ["symlink: long target"] = Bad(v => new TarBuilder().Symlink("x", new string('t', 5000))),

        // Hard links.
        ["hard link: absolute"] = Bad(v => new TarBuilder().Hardlink("x", v).File("x", "pwned")),
        ["hard link: up and out"] = Bad(v => new TarBuilder().Hardlink("x", Up + v)),
        ["hard link: relative"] = Bad(v => new TarBuilder().Hardlink("d/x", "../victim")),
        ["hard link: through a symlink"] = Bad(v => new TarBuilder().Symlink("y", Path.GetDirectoryName(v)!).Hardlink("x", "y/victim").File("x", "pwned")),
        ["hard link: to a symlink, then chmod"] = Good(v => new TarBuilder().Symlink("s", v).Hardlink("h", "s", 0xFFF)),
        ["hard link: to a symlink, then written"] = Good(v => new TarBuilder().Symlink("s", v).Hardlink("h", "s").File("h", "pwned")),
        ["hard link: to itself"] = Bad(v => new TarBuilder().Hardlink("x", "x")),
        ["hard link: to a directory"] = Bad(v => new TarBuilder().Hardlink("x", "d")),
        ["hard link: to a later entry"] = Bad(v => new TarBuilder().Hardlink("x", "later").File("later", "y")),
        ["hard link: to a whiteout"] = Bad(v => new TarBuilder().Whiteout("d/one").Hardlink("x", "d/.wh.one")),
        ["hard link: to what a whiteout removed"] = Bad(v => new TarBuilder().Whiteout("d/one").Hardlink("x", "d/one")),
        ["hard link: to what an opaque directory hides"] = Bad(v => new TarBuilder().Opaque("d").Hardlink("x", "d/one")),
        ["hard link: named as a whiteout"] = Good(v => new TarBuilder().Hardlink(".wh.file", "d/one")),

        // Whiteouts.
        ["whiteout: .wh."] = Bad(v => new TarBuilder().File("d/.wh.", "")),
        ["whiteout: .wh.."] = Bad(v => new TarBuilder().File("d/.wh..", "")),
        ["whiteout: .wh..."] = Bad(v => new TarBuilder().File("d/.wh...", "")),
        ["whiteout: root's parent"] = Bad(v => new TarBuilder().File(".wh...", "")),
        ["whiteout: outside"] = Bad(v => new TarBuilder().File("../.wh.victim", "")),
        ["whiteout: dne/../.wh.x"] = Bad(v => new TarBuilder().File("dne/../.wh.d/file", "")),
        ["whiteout: as a directory"] = Bad(v => new TarBuilder().File(".wh.d/file", "x")),
        ["whiteout: through a symlink"] = Good(v => new TarBuilder().Symlink("x", Path.GetDirectoryName(v)!).Whiteout("x/victim")),
        ["whiteout: of a symlink"] = Good(v => new TarBuilder().Symlink("x", v).Whiteout("x")),
        ["whiteout: opaque through a symlink"] = Good(v => new TarBuilder().Symlink("x", Path.GetDirectoryName(v)!).Opaque("x")),
        ["whiteout: device 0:0"] = Bad(v => new TarBuilder().Node("d/one", '3')),
        ["whiteout: aufs metadata"] = Good(v => new TarBuilder().Dir(".wh..wh.plnk").File(".wh..wh.plnk/1.2", "x").File(".wh..wh.aufs", "")),

        // Attributes that an overlay driver could take for its own.
        ["xattr: trusted.overlay.opaque"] = Good(v => new TarBuilder().Xattr("trusted.overlay.opaque", (byte)'y').Dir("d", 0x1ED, 11, 12)),
        ["xattr: trusted.overlay.whiteout"] = Good(v => new TarBuilder().Xattr("trusted.overlay.whiteout", (byte)'y').File("d/one", "")),
        ["xattr: trusted.overlay.redirect"] = Good(v => new TarBuilder().Xattr("trusted.overlay.redirect", Encoding.UTF8.GetBytes("/a")).Dir("d/sub", 0x1C9, 13, 14)),
        ["xattr: trusted.overlay.metacopy"] = Good(v => new TarBuilder().Xattr("trusted.overlay.metacopy").File("d/one", "mine")),
        ["xattr: user.overlay.opaque"] = Good(v => new TarBuilder().Xattr("user.overlay.opaque", (byte)'y').Dir("d", 0x1ED, 11, 12)),
        ["xattr: no name"] = Bad(v => new TarBuilder().Xattr("nonamespace", 1).File("x", "")),
        ["id: 2^32"] = Bad(v => new TarBuilder().Pax("uid", "4294967296").File("x", "")),
        ["id: -1"] = Bad(v => new TarBuilder().Pax("uid", "4294967295").File("x", "")),
        ["id: huge"] = Bad(v => new TarBuilder().Pax("uid", "99999999999").File("x", ""), null),

        // Devices and times.
        ["device: over a directory"] = Good(v => new TarBuilder().Node("d", '4', 8, 0)),
        ["socket"] = Bad(v => new TarBuilder().Node("d/socket", 's'), null),
        ["time: year 9999"] = Good(v => new TarBuilder().Mtime("2000000000.25").File("x", "y")),
        ["case: names that differ in it"] = Good(v => new TarBuilder().File("X", "1").File("x", "2")),
    };

    private static Attack Good(Func<string, TarBuilder> build) => new(null, build);

    private static Attack Bad(Func<string, TarBuilder> build, ErrorKind? kind = ErrorKind.InvalidArgument) => new(kind ?? ErrorKind.Unknown, build);
}
