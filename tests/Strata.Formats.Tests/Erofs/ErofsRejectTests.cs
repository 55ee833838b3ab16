using System.Buffers.Binary;
using System.Text;
using Strata.Formats.Erofs;

namespace Strata.Formats.Tests.Erofs;

/// <summary>What no image can hold, and images that are broken or hostile.</summary>
public sealed class ErofsRejectTests
{
    private static readonly ErofsAttributes Plain = new(0x1ED, 0, 0, default, []);

    public static TheoryData<string, ErrorKind> WrongCalls => new()
    {
        { "block bits", ErrorKind.NotSupported },
        { "devices", ErrorKind.InvalidArgument },
        { "volume name", ErrorKind.InvalidArgument },
        { "metadata inside superblock", ErrorKind.InvalidArgument },
        { "metadata off block", ErrorKind.InvalidArgument },
        { "metadata too far", ErrorKind.Exhausted },
        { "stream not empty", ErrorKind.InvalidArgument },
        { "mode", ErrorKind.InvalidArgument },
        { "uid", ErrorKind.InvalidArgument },
        { "nanoseconds", ErrorKind.InvalidArgument },
        { "offset off block", ErrorKind.InvalidArgument },
        { "no such device", ErrorKind.InvalidArgument },
        { "negative size", ErrorKind.InvalidArgument },
        { "file too far", ErrorKind.Exhausted },
        { "file too large", ErrorKind.Exhausted },
        { "extents overlap", ErrorKind.InvalidArgument },
        { "extent behind end", ErrorKind.InvalidArgument },
        { "extent off block", ErrorKind.InvalidArgument },
        { "too many chunks", ErrorKind.Exhausted },
        { "empty target", ErrorKind.InvalidArgument },
        { "long target", ErrorKind.InvalidArgument },
        { "NUL in target", ErrorKind.InvalidArgument },
        { "device number", ErrorKind.InvalidArgument },
        { "device kind", ErrorKind.InvalidArgument },
        { "xattr namespace", ErrorKind.NotSupported },
        { "xattr without name", ErrorKind.NotSupported },
        { "xattr value", ErrorKind.NotSupported },
        { "broken ACL", ErrorKind.NotSupported },
        { "xattrs too large", ErrorKind.Exhausted },
        { "link count of compact", ErrorKind.Exhausted },
        { "link count of nothing", ErrorKind.InvalidArgument },
        { "plan numbers", ErrorKind.InvalidArgument },
        { "names unsorted", ErrorKind.InvalidArgument },
        { "name twice", ErrorKind.InvalidArgument },
        { "name dot", ErrorKind.InvalidArgument },
        { "name slash", ErrorKind.InvalidArgument },
        { "name long", ErrorKind.InvalidArgument },
        { "child is hard link", ErrorKind.InvalidArgument },
        { "child is whiteout", ErrorKind.InvalidArgument },
        { "more children than planned", ErrorKind.InvalidArgument },
        { "fewer children than planned", ErrorKind.InvalidArgument },
        { "not written", ErrorKind.FailedPrecondition },
        { "other root", ErrorKind.InvalidArgument },
        { "device unknown", ErrorKind.FailedPrecondition },
        { "device tag", ErrorKind.InvalidArgument },
        { "device too large", ErrorKind.Exhausted },
    };

    [Theory]
    [MemberData(nameof(WrongCalls))]
    public void Wrong_calls_are_refused(string what, ErrorKind kind)
    {
        var error = Assert.Throws<StrataException>(() => Call(what));
        Assert.Equal(kind, error.Kind);
        Assert.EndsWith(".", error.Message);
    }

    [Theory]
    [InlineData("user.x", true)]
    [InlineData("user.", false)]
    [InlineData("trusted.overlay.opaque", true)]
    [InlineData("security.capability", true)]
    [InlineData("system.posix_acl_access", false)] // not well-formed
    [InlineData("system.nfs4_acl", false)]
    [InlineData("system.posix_acl_access2", false)]
    [InlineData("com.apple.x", false)]
    [InlineData("USER.x", false)]
    public void Names_are_known_by_their_namespace(string name, bool can) => Assert.Equal(can, ErofsImageWriter.CanStore(X(name, "v")));

    [Theory]
    [InlineData("02000000" + "01000700FFFFFFFF" + "04000500FFFFFFFF" + "20000500FFFFFFFF", true)]
    [InlineData("02000000", true)]
    [InlineData("01000000" + "01000700FFFFFFFF", false)]
    [InlineData("02000000" + "01000700FFFFFF", false)]
    [InlineData("02000000" + "03000700FFFFFFFF", false)]
    [InlineData("02000000" + "02000700FFFFFFFF", false)] // a named user without a number
    [InlineData("", false)]
    public void Access_lists_are_looked_at(string hex, bool can) =>
        Assert.Equal(can, ErofsImageWriter.CanStore(new Xattr("system.posix_acl_default"u8.ToArray(), Convert.FromHexString(hex))));

    [Theory]
    [InlineData(0, new byte[] { 0 }, ErrorKind.Corrupt, "no EROFS image")]
    [InlineData(20, new byte[] { 1 }, ErrorKind.Corrupt, "checksum")]
    [InlineData(12, new byte[] { 8 }, ErrorKind.NotSupported, "blocks of")]
    [InlineData(12, new byte[] { 200 }, ErrorKind.NotSupported, "blocks of")]
    [InlineData(80, new byte[] { 0x80 }, ErrorKind.NotSupported, "features")]
    [InlineData(32, new byte[] { 0xff, 0xff, 0xff, 0x7f }, ErrorKind.Corrupt, "nanoseconds")]
    [InlineData(14, new byte[] { 0xff, 0xff }, ErrorKind.Corrupt, "behind the image's end")]
    [InlineData(40, new byte[] { 0xff, 0xff, 0xff, 0xff }, ErrorKind.Corrupt, "behind the image's end")]
    [InlineData(86, new byte[] { 0xff, 0xff }, ErrorKind.Corrupt, "table of 65535 devices")]
    public void Broken_superblocks_are_refused(int offset, byte[] bytes, ErrorKind kind, string says)
    {
        byte[] image = Image();
        bytes.CopyTo(image, 1024 + offset);
        if (says != "checksum")
            FixChecksum(image);
        var error = Assert.Throws<StrataException>(() => ErofsChecker.Check(new ErofsReader(new MemoryStream(image))));
        Assert.Equal(kind, error.Kind);
        Assert.Contains(says, error.Message);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1024)]
    [InlineData(1151)]
    [InlineData(1152)]
    [InlineData(1400)]
    public void A_cut_image_is_refused(int length)
    {
        byte[] image = Image()[..length];
        Assert.Equal(ErrorKind.Corrupt, Assert.Throws<StrataException>(() => ErofsChecker.Check(new ErofsReader(new MemoryStream(image)))).Kind);
    }

    [Fact]
    public void A_directory_in_itself_ends_the_walk()
    {
        using var image = new MemoryStream();
        var writer = new ErofsImageWriter(image, new ErofsWriterOptions());
        var root = writer.PlanDirectory(Plain, 1, 4);
        writer.WriteDirectory(root, root, 3, [new ErofsChild("loop"u8.ToArray(), root, EntryKind.Directory)]);
        writer.Complete(root);
        var error = Assert.Throws<StrataException>(() => new ErofsReader(image).Walk().Count());
        Assert.Equal(ErrorKind.Corrupt, error.Kind);
    }

    [Fact]
    public void Wrong_link_counts_are_found()
    {
        using var image = new MemoryStream();
        var writer = new ErofsImageWriter(image, new ErofsWriterOptions());
        var fifo = writer.AddFifo(Plain);
        var root = writer.PlanDirectory(Plain, 2, 2);
        writer.WriteDirectory(root, root, 2, [new("a"u8.ToArray(), fifo, EntryKind.Fifo), new("b"u8.ToArray(), fifo, EntryKind.Fifo)]);
        writer.Complete(root);
        Assert.Contains("has 2 names and says 1", Assert.Throws<StrataException>(() => ErofsChecker.Check(new ErofsReader(image))).Message);
    }

    /// <summary>One to eight random bytes are changed, in 8,000 images: whatever is wrong is told, in the reader's own words, and soon.</summary>
    [Theory]
    [InlineData(9)]
    [InlineData(12)]
    public void Damaged_images_give_only_our_errors(int blockBits)
    {
        byte[] whole = Image(blockBits);
        var random = new Random(blockBits);
        byte[] image = new byte[whole.Length];
        for (int round = 0; round < 4_000; round++)
        {
            whole.CopyTo(image, 0);
            int changes = random.Next(1, 9);
            for (int i = 0; i < changes; i++)
                image[random.Next(1024, image.Length)] = random.Next(3) switch { 0 => 0xFF, 1 => (byte)random.Next(256), _ => (byte)(1 << random.Next(8)) };
            if (random.Next(10) > 0)
                FixChecksum(image);
            try
            {
                var reader = new ErofsReader(new MemoryStream(image));
                ErofsDump.Write(reader, TextWriter.Null, TestContext.Current.CancellationToken);
                ErofsChecker.Check(reader, TestContext.Current.CancellationToken);
                reader.TryFind(reader.Root, "m"u8, out _);
            }
            catch (StrataException error) when (error.Kind is ErrorKind.Corrupt or ErrorKind.NotSupported)
            {
                Assert.NotEmpty(error.Message);
            }
        }
    }

    private static byte[] Image(int blockBits = 9)
    {
        Xattr[] shared = [X("user.shared", new string('s', 30)), X("trusted.t", "")];
        Tree Any(string name, EntryKind kind) => new(name, kind) { Attributes = Plain with { Xattrs = shared, Uid = (uint)name.Length * 30_000 } };
        var many = new Tree("many", EntryKind.Directory) { Children = [.. Enumerable.Range(100, 300).Select(i => new Tree($"name{i}", EntryKind.Fifo))] };
        var root = new Tree("", EntryKind.Directory)
        {
            Children =
            [
                many, Any("a", EntryKind.Fifo), Any("bbb", EntryKind.Socket), Any("cccc", EntryKind.Fifo),
                new Tree("link", EntryKind.Symlink) { Target = "target"u8.ToArray() },
                new Tree("long", EntryKind.Symlink) { Target = Encoding.ASCII.GetBytes(new string('l', 900)) },
                new Tree("file", EntryKind.RegularFile) { SizeBytes = 5_000, Extents = [new ErofsExtent(0, 5_000, 1, 0)] },
                new Tree("holes", EntryKind.RegularFile) { SizeBytes = 50_000, Extents = [new ErofsExtent(8192, 8192, 1, 0), new ErofsExtent(40_960, 9_040, 1, 4096)] },
                new Tree("dir", EntryKind.Directory) { Children = [new Tree("x", EntryKind.Directory)] },
            ],
        };
        return Tree.Write(root, new ErofsWriterOptions { BlockBits = blockBits, Devices = 1 }, deviceBytes: 1 << 20);
    }

    private static void FixChecksum(byte[] image)
    {
        int bits = image[1024 + 12];
        int covered = bits is < 10 or > 20 ? 512 : Math.Max(1024, (1 << bits) - 1024);
        if (1024 + covered > image.Length)
            return;
        image.AsSpan(1028, 4).Clear();
        uint crc = uint.MaxValue;
        foreach (byte b in image.AsSpan(1024, covered))
            crc = System.Numerics.BitOperations.Crc32C(crc, b);
        BinaryPrimitives.WriteUInt32LittleEndian(image.AsSpan(1028), crc);
    }

    private static Xattr X(string name, string value) => new(Encoding.ASCII.GetBytes(name), Encoding.ASCII.GetBytes(value));

    private static void Call(string what)
    {
        using var stream = new MemoryStream();
        var options = new ErofsWriterOptions { Devices = 2 };
        ErofsChild Child(string name, EntryKind kind = EntryKind.Fifo) => new(Encoding.ASCII.GetBytes(name), new ErofsNode(50), kind);
        switch (what)
        {
            case "block bits": _ = new ErofsImageWriter(stream, options with { BlockBits = 13 }); return;
            case "devices": _ = new ErofsImageWriter(stream, options with { Devices = 65_536 }); return;
            case "volume name": _ = new ErofsImageWriter(stream, options with { VolumeName = new byte[16] }); return;
            case "metadata inside superblock": _ = new ErofsImageWriter(stream, options with { MetadataStartBytes = 1024 }); return;
            case "metadata off block": _ = new ErofsImageWriter(stream, options with { MetadataStartBytes = 5000 }); return;
            case "metadata too far": _ = new ErofsImageWriter(stream, options with { MetadataStartBytes = 1L << 42 }); return;
            case "stream not empty": stream.WriteByte(1); _ = new ErofsImageWriter(stream, options); return;
        }
        var writer = new ErofsImageWriter(stream, options);
        switch (what)
        {
            case "mode": writer.AddFifo(Plain with { Mode = 0x1000 }); return;
            case "uid": writer.AddFifo(Plain with { Uid = uint.MaxValue }); return;
            case "nanoseconds": writer.AddFifo(Plain with { Mtime = new FileTime(0, 1_000_000_000) }); return;
            case "offset off block": writer.AddFile(Plain, 1, 1, 100); return;
            case "no such device": writer.AddFile(Plain, 1, 3, 512); return;
            case "negative size": writer.AddFile(Plain, -1, 1, 512); return;
            case "file too far": writer.AddFile(Plain, 1, 1, 512L << 32); return;
            case "file too large": writer.AddFile(Plain, long.MaxValue, 1, 512); return;
            case "extents overlap": writer.AddFile(Plain, 4096, [new(0, 1024, 1, 0), new(512, 512, 1, 0)]); return;
            case "extent behind end": writer.AddFile(Plain, 4096, [new(0, 8192, 1, 0)]); return;
            case "extent off block": writer.AddFile(Plain, 4096, [new(0, 100, 1, 0)]); return;
            case "too many chunks": writer.AddFile(Plain, 1L << 40, [new(512, 512, 1, 0)]); return;
            case "empty target": writer.AddSymlink(Plain, default); return;
            case "long target": writer.AddSymlink(Plain, Encoding.ASCII.GetBytes(new string('x', 4096))); return;
            case "NUL in target": writer.AddSymlink(Plain, "a\0b"u8); return;
            case "device number": writer.AddDevice(Plain, EntryKind.CharDevice, 4096, 0); return;
            case "device kind": writer.AddDevice(Plain, EntryKind.Fifo, 1, 1); return;
            case "xattr namespace": writer.AddFifo(Plain with { Xattrs = [X("system.nfs4_acl", "x")] }); return;
            case "xattr without name": writer.AddFifo(Plain with { Xattrs = [X("user.", "x")] }); return;
            case "xattr value": writer.AddFifo(Plain with { Xattrs = [new Xattr("user.x"u8.ToArray(), new byte[65_536])] }); return;
            case "broken ACL": writer.AddFifo(Plain with { Xattrs = [X("system.posix_acl_access", "x")] }); return;
            case "xattrs too large": writer.AddFifo(Plain with { Xattrs = [.. "abcde".Select(c => new Xattr([.. "user."u8, (byte)c], new byte[65_535]))] }); return;
            case "link count of compact": writer.SetLinkCount(writer.AddFifo(Plain), 65_536); return;
            case "link count of nothing": writer.SetLinkCount(new ErofsNode(1_000_000), 1); return;
            case "plan numbers": writer.PlanDirectory(Plain, 2, 600); return;
            case "device tag": writer.SetDeviceBytes(1, 1, new byte[65]); return;
            case "device too large": writer.SetDeviceBytes(1, 512L << 32, default); return;
        }
        bool fewer = what == "fewer children than planned";
        var root = writer.PlanDirectory(Plain, fewer ? 3 : 2, fewer ? 30 : 2);
        if (what == "not written")
            writer.Complete(root);
        ErofsChild[] children = what switch
        {
            "names unsorted" => [Child("b"), Child("a")],
            "name twice" => [Child("a"), Child("a")],
            "name dot" => [Child(".."), Child("a")],
            "name slash" => [Child("/"), Child("a")],
            "name long" => [Child("a"), Child(new string('x', 256))],
            "child is hard link" => [Child("a"), Child("b", EntryKind.HardLink)],
            "child is whiteout" => [Child("a"), Child("b", EntryKind.Whiteout)],
            "more children than planned" => [Child("a"), Child("b"), Child("c")],
            _ => [Child("a"), Child("b")],
        };
        writer.WriteDirectory(root, root, 2, children);
        var other = what == "other root" ? writer.AddFifo(Plain) : root;
        writer.Complete(other);
    }
}
