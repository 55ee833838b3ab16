using System.Text;
using Strata.Formats.Layers;
using Strata.Formats.Tar;

namespace Strata.Formats.Tests.Layers;

/// <summary>What a layer's recipe refers to (the regular files that were handed on) and what it keeps itself (all else).</summary>
public sealed class LayerRecipeTests
{
    [Fact]
    public void Skipped_entries_are_kept_inline_and_files_by_their_clean_path()
    {
        byte[] tar = new TarBytes()
            .File(".wh..wh.aufs", "kept by aufs").File("./a//b", "content of b").File(".wh.gone", "a whiteout with content").File("a/.wh..wh..opq", "too")
            .File(".wh..wh.plnk/1.2", "skipped").File("/c", "content of c").End();
        using var recipe = new MemoryStream();
        using var raw = new MemoryStream();
        using (var recorder = new TarRecipeRecorder(recipe))
        {
            using var reader = new LayerReader(new MemoryStream(tar), new TarReaderOptions { Recorder = recorder, RawCopy = raw });
            while (reader.ReadNext() is not null)
            {
            }
            recorder.Complete();
        }
        Assert.Equal(tar, raw.ToArray());
        using var contents = new Contents(new() { ["/a/b"] = "content of b", ["/c"] = "content of c" });
        using var rebuilt = new MemoryStream();
        TarRecipe.Open(recipe).WriteTar(contents, rebuilt);
        Assert.Equal(tar, rebuilt.ToArray());
        Assert.Equal(["/a/b", "/c"], contents.Opened);
    }

    private sealed class Contents(Dictionary<string, string> files) : IRecipeContents
    {
        internal List<string> Opened { get; } = [];

        public Stream Open(EntryPath path)
        {
            Opened.Add(path.ToString());
            return files.TryGetValue(path.ToString(), out string? text)
                ? new MemoryStream(Encoding.UTF8.GetBytes(text))
                : throw StrataException.NotFound(path.ToString());
        }

        public Stream OpenDisplaced(int number, EntryPath below) => throw StrataException.NotFound($"{number}");

        public void Dispose()
        {
        }
    }
}
