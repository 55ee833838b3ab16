using Strata.Formats.Tar;

namespace Strata.Formats.Tests.Tar;

/// <summary>Recipes give back the tar byte for byte.</summary>
public class TarRecipeTests
{
    public static TheoryData<string> Names => [.. TarSamples.All.Keys];

    /// <summary>Reads a tar with a recorder, keeps its files as a tree would, and returns the recipe.</summary>
    /// <param name="reference">False: no content is referenced, the recipe holds all.</param>
    internal static (byte[] Recipe, MemoryContents Contents) Record(byte[] tar, bool reference = true, int sourceChunk = int.MaxValue)
    {
        var recipe = new MemoryStream();
        var contents = new MemoryContents();
        using var recorder = new TarRecipeRecorder(recipe);
        using var reader = new TarReader(new SlowStream(tar, sourceChunk), new TarReaderOptions { Recorder = recorder });
        int number = 0;
        while (reader.ReadNext(TestContext.Current.CancellationToken) is { } entry)
        {
            if (!EntryPath.TryCreate(entry.Name, out var path) || entry.Type != TarEntryType.RegularFile || !reference)
                continue;
            string key = path.ToString();
            if (contents.Files.Remove(key, out var before))
            {
                contents.Displaced[(++number, "/")] = before;
                recorder.Displaced(path, number, reader.EntryIndex);
            }
            reader.ReferenceContent(path);
            byte[] packed = TarListing.ReadContent(reader.Content, 70_000);
            byte[] whole = new byte[entry.SizeBytes];
            int at = 0;
            foreach (var extent in entry.Extents ?? [new DataExtent(0, packed.Length)])
            {
                packed.AsSpan(at, (int)extent.LengthBytes).CopyTo(whole.AsSpan((int)extent.OffsetBytes));
                at += (int)extent.LengthBytes;
            }
            contents.Files[key] = whole;
        }
        recorder.Complete();
        return (recipe.ToArray(), contents);
    }

    internal static byte[] Replay(byte[] recipe, IRecipeContents contents)
    {
        var tar = new MemoryStream();
        TarRecipe.Open(new MemoryStream(recipe)).WriteTar(contents, tar, TestContext.Current.CancellationToken);
        return tar.ToArray();
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void A_tar_comes_back_byte_for_byte(string name)
    {
        byte[] tar = TarSamples.All[name];
        var (recipe, contents) = Record(tar);
        Assert.Equal(tar, Replay(recipe, contents));
        Assert.Equal(tar.Length, TarRecipe.Open(new MemoryStream(recipe)).TarBytes);
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void A_tar_whose_files_no_tree_keeps_comes_back_from_the_recipe_alone(string name)
    {
        byte[] tar = TarSamples.All[name];
        var (recipe, _) = Record(tar, reference: false, sourceChunk: 777);
        Assert.Equal(tar, Replay(recipe, new MemoryContents()));
    }

    [Fact]
    public void The_same_tar_gives_the_same_recipe_however_it_arrives()
    {
        byte[] tar = TarSamples.All["gnu"];
        Assert.Equal(Record(tar).Recipe, Record(tar).Recipe);
    }

    [Fact]
    public void Referenced_contents_are_not_in_the_recipe()
    {
        string noise = new([.. Enumerable.Range(0, 300_000).Select(i => (char)((i * 2654435761L >> 7) & 0xFF))]);
        var (recipe, _) = Record(new TarBytes().Entry("big", noise).End());
        Assert.InRange(recipe.Length, 1, 400);
    }

    [Fact]
    public void What_a_later_entry_displaced_is_found_under_its_number()
    {
        byte[] tar = new TarBytes()
            .Entry("dir/file", "0") // displaced with its directory by entry 2
            .Entry("same", "1") // displaced by entry 3, then 4
            .Entry("dir", "2")
            .Entry("same", "3")
            .Entry("same", "4")
            .Entry("dirx", "5") // not below dir
            .End();
        var recipe = new MemoryStream();
        using (var recorder = new TarRecipeRecorder(recipe))
        {
            using var reader = new TarReader(new MemoryStream(tar), new TarReaderOptions { Recorder = recorder });
            while (reader.ReadNext(TestContext.Current.CancellationToken) is { } entry)
                reader.ReferenceContent(EntryPath.Create(entry.Name));
            recorder.Displaced(EntryPath.Of("same"), 12, 4); // told out of order, as many threads do
            recorder.Displaced(EntryPath.Of("dir"), 10, 2);
            recorder.Displaced(EntryPath.Of("same"), 11, 3);
            recorder.Complete();
        }
        var contents = new MemoryContents();
        contents.Displaced[(10, "/file")] = "0"u8.ToArray();
        contents.Displaced[(11, "/")] = "1"u8.ToArray();
        contents.Displaced[(12, "/")] = "3"u8.ToArray();
        contents.Files["/dir"] = "2"u8.ToArray();
        contents.Files["/same"] = "4"u8.ToArray();
        contents.Files["/dirx"] = "5"u8.ToArray();
        Assert.Equal(tar, Replay(recipe.ToArray(), contents));
    }

    [Fact]
    public void The_first_displacement_decides_when_a_path_and_a_directory_above_it_were_set_aside()
    {
        byte[] tar = new TarBytes().Entry("a/b/c", "0").Entry("a/b", "1").Entry("a", "2").End();
        var recipe = new MemoryStream();
        using (var recorder = new TarRecipeRecorder(recipe))
        {
            using var reader = new TarReader(new MemoryStream(tar), new TarReaderOptions { Recorder = recorder });
            while (reader.ReadNext(TestContext.Current.CancellationToken) is { } entry)
                reader.ReferenceContent(EntryPath.Create(entry.Name));
            recorder.Displaced(EntryPath.Of("a/b"), 1, 1);
            recorder.Displaced(EntryPath.Of("a"), 2, 2);
            recorder.Complete();
        }
        var contents = new MemoryContents();
        contents.Displaced[(1, "/c")] = "0"u8.ToArray();
        contents.Displaced[(2, "/b")] = "1"u8.ToArray();
        contents.Files["/a"] = "2"u8.ToArray();
        Assert.Equal(tar, Replay(recipe.ToArray(), contents));
    }

    [Fact]
    public void Contents_whose_path_led_through_a_symbolic_link_are_found_where_they_really_stand()
    {
        byte[] tar = new TarBytes().Entry("link", type: '2', link: "real").Entry("link/file", "0").Entry("real/file", "1").End();
        var recipe = new MemoryStream();
        using (var recorder = new TarRecipeRecorder(recipe))
        {
            using var reader = new TarReader(new MemoryStream(tar), new TarReaderOptions { Recorder = recorder });
            while (reader.ReadNext(TestContext.Current.CancellationToken) is { } entry)
                reader.ReferenceContent(EntryPath.Create(entry.Name));
            recorder.WrittenAt(1, EntryPath.Of("real/file"));
            recorder.Displaced(EntryPath.Of("real/file"), 3, 2);
            recorder.Complete();
        }
        var contents = new MemoryContents();
        contents.Displaced[(3, "/")] = "0"u8.ToArray();
        contents.Files["/real/file"] = "1"u8.ToArray();
        Assert.Equal(tar, Replay(recipe.ToArray(), contents));
    }

    [Fact]
    public void A_missing_file_is_corrupt_and_named()
    {
        var (recipe, contents) = Record(new TarBytes().Entry("dir/file", "content").End());
        contents.Files.Remove("/dir/file");
        AssertCorrupt("/dir/file", () => Replay(recipe, contents));
    }

    [Theory]
    [InlineData("conten")]
    [InlineData("contents")]
    [InlineData("")]
    public void A_file_of_another_size_is_corrupt_and_named(string now)
    {
        var (recipe, contents) = Record(new TarBytes().Entry("dir/file", "content").End());
        contents.Files["/dir/file"] = TarBytes.Raw(now);
        AssertCorrupt("/dir/file", () => Replay(recipe, contents));
    }

    [Fact]
    public void A_sparse_file_of_another_size_is_corrupt_and_named()
    {
        var (recipe, contents) = Record(TarSamples.All["sparse-old-gnu"]);
        contents.Files["/sparse"] = contents.Files["/sparse"][..^1];
        AssertCorrupt("/sparse", () => Replay(recipe, contents));
    }

    [Fact]
    public void Every_changed_byte_of_a_recipe_is_noticed()
    {
        var (recipe, contents) = Record(TarSamples.All["odd"]);
        for (int i = 0; i < recipe.Length; i++)
        {
            if (i >= recipe.Length - 12 && i < recipe.Length - 8)
                continue; // the footer's spare bytes
            byte[] changed = (byte[])recipe.Clone();
            changed[i] ^= 0x41;
            byte[]? tar = null;
            var error = Xunit.Record.Exception(() => tar = Replay(changed, contents));
            if (error is null)
                Assert.Equal(TarSamples.All["odd"], tar); // a bit of zstd's frame that decides nothing
            else
                Assert.True(error is StrataException { Kind: ErrorKind.Corrupt or ErrorKind.NotSupported }, $"byte {i}: {error}");
        }
    }

    [Fact]
    public void Every_truncated_recipe_is_corrupt()
    {
        var (recipe, contents) = Record(TarSamples.All["odd"]);
        for (int length = 0; length < recipe.Length; length++)
            Assert.Equal(ErrorKind.Corrupt, Assert.Throws<StrataException>(() => Replay(recipe[..length], contents)).Kind);
    }

    [Fact]
    public void A_recipe_of_a_later_version_is_not_supported()
    {
        var (recipe, contents) = Record(new TarBytes().End());
        recipe[^16] = 2;
        Assert.Equal(ErrorKind.NotSupported, Assert.Throws<StrataException>(() => Replay(recipe, contents)).Kind);
    }

    [Fact]
    public void A_complete_recipe_takes_nothing_more()
    {
        using var recorder = new TarRecipeRecorder(new MemoryStream());
        recorder.Complete();
        Assert.Throws<InvalidOperationException>(recorder.Complete);
        Assert.Throws<InvalidOperationException>(() => recorder.Displaced(EntryPath.Of("a"), 1, 1));
        Assert.Throws<InvalidOperationException>(() => recorder.WrittenAt(1, EntryPath.Of("a")));
    }

    [Fact]
    public void An_entry_that_was_read_can_no_longer_be_referenced()
    {
        using var recorder = new TarRecipeRecorder(new MemoryStream());
        using var reader = new TarReader(new MemoryStream(new TarBytes().Entry("a", "content").End()), new TarReaderOptions { Recorder = recorder });
        reader.ReadNext(TestContext.Current.CancellationToken);
        reader.Content.ReadChunk(1);
        Assert.Throws<InvalidOperationException>(() => reader.ReferenceContent(EntryPath.Of("a")));
    }

    private static void AssertCorrupt(string named, Action replay)
    {
        var error = Assert.Throws<StrataException>(replay);
        Assert.Equal(ErrorKind.Corrupt, error.Kind);
        Assert.Contains(named, error.Message, StringComparison.Ordinal);
    }
}
