using System.Text;
using CsCheck;
using Strata.Formats.Erofs;

namespace Strata.Formats.Tests.Erofs;

/// <summary>What the writer writes, the reader reads: random trees with all that the format has.</summary>
public sealed class ErofsRoundTripTests
{
    private const int Devices = 3;
    private static readonly FileTime Build = new(1_700_000_000, 5);

    private static readonly Gen<Xattr> AnyXattr =
        from prefix in AnyOf("user.", "trusted.", "security.")
        from name in Gen.OneOf(Gen.Const("x"), Gen.String[Gen.Char['a', 'z'], 1, 40], Gen.Const(new string('n', 255)))
        from value in Gen.OneOf(Gen.Const(Array.Empty<byte>()), Gen.Const("y"u8.ToArray()), Gen.Byte.Array[0, 700])
        select new Xattr(Encoding.ASCII.GetBytes(prefix + name), value);

    private static readonly Gen<Xattr[]> AnyXattrs =
        Gen.OneOf(Gen.Const(Array.Empty<Xattr>()), AnyXattr.Array[0, 6].Select(many => many.DistinctBy(x => Encoding.ASCII.GetString(x.Name)).ToArray()));

    private static readonly Gen<FileTime> AnyTime =
        Gen.OneOf(Gen.Const(Build), Gen.Select(Gen.Long[-5_000_000_000, 50_000_000_000], Gen.Int[0, 999_999_999]).Select((s, n) => new FileTime(s, n)));

    private static readonly Gen<ErofsAttributes> AnyAttributes =
        from mode in Gen.Int[0, 0xFFF]
        from uid in Gen.OneOf(Gen.UInt[0, 70_000], Gen.UInt[0, 4_294_967_294])
        from gid in Gen.UInt[0, 70_000]
        from time in AnyTime
        from xattrs in AnyXattrs
        select new ErofsAttributes(mode, uid, gid, time, xattrs);

    [Theory]
    [InlineData(9)]
    [InlineData(10)]
    [InlineData(12)]
    public void Random_trees_come_back(int blockBits)
    {
        AnyDirectory("", blockBits, 3).Sample(
            root =>
            {
                byte[] image = Tree.Write(root, new ErofsWriterOptions { BlockBits = blockBits, Devices = Devices, BuildTime = Build });
                var reader = new ErofsReader(new MemoryStream(image));
                ErofsChecker.Check(reader);
                Assert.Equal(Tree.Expect(root), Tree.Read(reader));
                Assert.Equal(0, image.Length % (1 << blockBits));
                Assert.Equal(Tree.Digest(image), Tree.Digest(Tree.Write(root, new ErofsWriterOptions { BlockBits = blockBits, Devices = Devices, BuildTime = Build })));
            },
            iter: 150);
    }

    [Theory]
    [InlineData(9, 5_000)]
    [InlineData(12, 5_000)]
    [InlineData(9, 1)]
    [InlineData(9, 70_000)]
    public void Every_name_of_a_directory_is_found(int blockBits, int count)
    {
        var random = new Random(count);
        var names = new HashSet<string>();
        while (names.Count < count)
            names.Add(new string([.. Enumerable.Range(0, random.Next(1, names.Count % 50 == 0 ? 255 : 20)).Select(_ => (char)random.Next(0x21, 0x30))]).Replace('/', '~'));
        names.ExceptWith([".", ".."]);
        var root = new Tree("", EntryKind.Directory) { Children = [.. names.Select(n => new Tree(n, EntryKind.Fifo))] };
        var reader = new ErofsReader(new MemoryStream(Tree.Write(root, new ErofsWriterOptions { BlockBits = blockBits })));
        var directory = reader.Root;
        foreach (var child in root.Children)
        {
            Assert.True(reader.TryFind(directory, child.Name, out var found));
            Assert.Equal((child.Node, EntryKind.Fifo), (found.Node, found.Kind));
            Assert.False(reader.TryFind(directory, [.. child.Name[..^1], (byte)(child.Name[^1] + 0x60)], out _));
        }
        Assert.True(reader.TryFind(directory, ".."u8, out var parent));
        Assert.Equal(directory.Node, parent.Node);
        Assert.False(reader.TryFind(directory, "\x01"u8, out _));
        Assert.False(reader.TryFind(directory, "\u00ff"u8, out _));
        ErofsChecker.Check(reader);
    }

    [Fact]
    public void The_image_is_read_and_written_in_little_memory_per_entry()
    {
        const int Count = 50_000;
        using var image = new MemoryStream(Count * 128);
        var writer = new ErofsImageWriter(image, new ErofsWriterOptions { Devices = 1 });
        var attributes = new ErofsAttributes(0x1A4, 1, 2, new FileTime(3, 4), []);
        writer.AddFile(attributes, 5, 1, 512);
        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int i = 0; i < Count; i++)
            writer.AddFile(attributes, 5, 1, 512L * i);
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 2_000_000);
    }

    [Fact]
    public void A_repeated_attribute_is_stored_once()
    {
        var xattr = new Xattr("security.selinux"u8.ToArray(), Encoding.ASCII.GetBytes(new string('s', 200)));
        byte[] Image(int count) => Tree.Write(
            new Tree("", EntryKind.Directory)
            {
                Children = [.. Enumerable.Range(10, count).Select(i => new Tree($"{i:D3}", EntryKind.Fifo) { Attributes = new(0x1ED, 0, 0, default, [xattr]) })],
            },
            new ErofsWriterOptions());
        Assert.InRange(Image(500).Length - Image(100).Length, 0, 400 * 100);
        ErofsChecker.Check(new ErofsReader(new MemoryStream(Image(500))));
    }

    [Fact]
    public void A_root_behind_much_else_keeps_its_many_attributes()
    {
        Xattr[] many = [.. Enumerable.Range(100, 40).Select(i => new Xattr(Encoding.ASCII.GetBytes($"user.n{i}"), new byte[50]))];
        var root = new Tree("", EntryKind.Directory)
        {
            Attributes = new(0x1ED, 70_000, 5, new FileTime(-1, 1), many),
            Children = [.. Enumerable.Range(10_000, 40_000).Select(i => new Tree($"{i}", EntryKind.Socket) { Attributes = new(0, 70_000, 0, default, []) })],
        };
        byte[] image = Tree.Write(root, new ErofsWriterOptions());
        var reader = new ErofsReader(new MemoryStream(image));
        Assert.Equal(Tree.Expect(root), Tree.Read(reader));
        ErofsChecker.Check(reader);
        Assert.True(image.Length > 2 << 20);
    }

    [Fact]
    public void Data_before_the_metadata_is_the_files()
    {
        var options = new ErofsWriterOptions { BlockBits = 12, MetadataStartBytes = 3 * 4096 };
        using var image = new MemoryStream();
        image.SetLength(ErofsImageWriter.DataStartBytes(options));
        image.Position = image.Length;
        image.Write(Encoding.ASCII.GetBytes(new string('d', 5_000)));
        var writer = new ErofsImageWriter(image, options);
        var attributes = new ErofsAttributes(0x1A4, 0, 0, default, []);
        var file = writer.AddFile(attributes, 5_000, 0, 4096);
        var root = writer.PlanDirectory(attributes, 1, 1);
        writer.WriteDirectory(root, root, 2, [new ErofsChild("f"u8.ToArray(), file, EntryKind.RegularFile)]);
        writer.Complete(root);
        var reader = new ErofsReader(image);
        byte[] data = new byte[6_000];
        Assert.True(reader.TryFind(reader.Root, "f"u8, out var found));
        Assert.Equal(5_000, reader.Read(reader.ReadInode(found.Node), 0, data));
        Assert.Equal(new string('d', 5_000), Encoding.ASCII.GetString(data, 0, 5_000));
        Assert.Equal(1_000, reader.Read(reader.ReadInode(found.Node), 4_000, data));
        Assert.Equal([new ErofsExtent(0, 5_000, 0, 4096)], reader.Extents(reader.ReadInode(found.Node)));
        Assert.Equal(3u, reader.Superblock.MetadataBlock);
    }

    private static Gen<T> AnyOf<T>(params T[] values) => Gen.Int[0, values.Length - 1].Select(i => values[i]);

    private static Gen<Tree> AnyDirectory(string name, int blockBits, int depth)
    {
        var child = depth == 0 ? AnyOther(blockBits) : Gen.Frequency((4, AnyOther(blockBits)), (1, Gen.Const("").SelectMany(_ => AnyName.SelectMany(n => AnyDirectory(n, blockBits, depth - 1)))));
        return from attributes in AnyAttributes
               from children in child.Array[0, depth == 3 ? 60 : 12]
               from links in Gen.Int[0, 3]
               let distinct = children.DistinctBy(c => Encoding.Latin1.GetString(c.Name)).ToList()
               select new Tree(name, EntryKind.Directory) { Attributes = attributes, Children = WithLinks(distinct, links) };
    }

    private static List<Tree> WithLinks(List<Tree> children, int links)
    {
        var target = children.FirstOrDefault(c => c.Kind != EntryKind.Directory);
        for (int i = 0; target is not null && i < links; i++)
        {
            string name = $"-link{i}";
            if (children.All(c => Encoding.Latin1.GetString(c.Name) != name))
                children.Add(new Tree(name, target.Kind) { LinkTo = target });
        }
        return children;
    }

    private static readonly Gen<string> AnyName = Gen.OneOf(
        Gen.String[Gen.Char['\u0001', '\u00ff'], 1, 30],
        Gen.String[Gen.Char['!', '0'], 1, 3],
        Gen.String[Gen.Char['a', 'c'], 200, 255]).Select(n => n.Replace('/', '\\')).Where(n => n is not ("." or ".."));

    private static Gen<Tree> AnyOther(int blockBits) =>
        from name in AnyName
        from attributes in AnyAttributes
        from kind in AnyOf(EntryKind.RegularFile, EntryKind.RegularFile, EntryKind.Symlink, EntryKind.CharDevice, EntryKind.BlockDevice, EntryKind.Fifo, EntryKind.Socket)
        from extents in AnyExtents(blockBits)
        from target in Gen.Frequency((5, Gen.Byte[1, 255].Array[1, 60]), (1, Gen.Byte[1, 255].Array[400, 520]), (1, Gen.Byte[1, 255].Array[4_000, 4_095]))
        from number in Gen.Select(Gen.UInt[0, 4095], Gen.UInt[0, 1_048_575])
        let isDevice = kind is EntryKind.CharDevice or EntryKind.BlockDevice
        select new Tree(name, kind)
        {
            Attributes = attributes,
            SizeBytes = kind == EntryKind.RegularFile ? extents.Size : 0,
            Extents = kind == EntryKind.RegularFile ? extents.List : [],
            Target = kind == EntryKind.Symlink ? target : [],
            Major = isDevice ? number.Item1 : 0,
            Minor = isDevice ? number.Item2 : 0,
        };

    private static Gen<(long Size, ErofsExtent[] List)> AnyExtents(int blockBits)
    {
        var whole = Gen.Select(Gen.OneOf(Gen.Long[0, 100_000], Gen.Long[4_000_000_000, 5_000_000_000]), Gen.Int[1, Devices], Gen.Long[0, 1000])
            .Select((size, device, block) => (size, size == 0 ? [] : new[] { new ErofsExtent(0, size, device, block << blockBits) }));
        var pieces = Gen.Select(Gen.Int[0, 5], Gen.Int[1, 9], Gen.Int[1, Devices], Gen.Int[0, 1000]).Array[0, 6].SelectMany(list => Gen.Int[0, 5_000].Select(end =>
        {
            long offset = 0;
            var extents = new List<ErofsExtent>();
            foreach (var (hole, length, device, block) in list)
            {
                offset += (long)hole << blockBits;
                extents.Add(new ErofsExtent(offset, (long)length << blockBits, device, (long)block << blockBits));
                offset += (long)length << blockBits;
            }
            return (offset + end, extents.ToArray());
        }));
        return Gen.OneOf(whole, pieces);
    }
}
