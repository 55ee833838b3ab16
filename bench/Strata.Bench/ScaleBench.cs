using System.Diagnostics;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Strata.Store;

namespace Strata.Bench;

/// <summary>Fills a store with many small images: bases of five layers, and on each twenty images of ten layers more, or nine. All of it is real, on disk.</summary>
internal static class ScaleBench
{
    private const int BaseDepth = 5, ImagesOnABase = 20, OwnDepth = 10;

    /// <summary>Fills it.</summary>
    /// <param name="root">The store, new.</param>
    /// <param name="driver">Its driver.</param>
    /// <param name="images">How many images; each takes about ten layers.</param>
    internal static void Fill(string root, string driver, int images)
    {
        long start = Stopwatch.GetTimestamp();
        int layers = 0;
        using var store = Store.Store.Open(new StoreOptions { Root = root, Driver = driver });
        ChainId? basis = null;
        for (int i = 0; i < images; i++)
        {
            if (i % ImagesOnABase == 0)
                basis = Register(store, null, BaseDepth, ref layers);
            var top = Register(store, basis, OwnDepth - (i % 4 == 0 ? 1 : 0), ref layers);
            string text = string.Create(CultureInfo.InvariantCulture, $"{{\"image\":{i}}}");
            store.AddImage(Encoding.ASCII.GetBytes(text), Encoding.ASCII.GetBytes(text + " "), top, [string.Create(CultureInfo.InvariantCulture, $"localhost/app{i}:1")]);
            if (i % 1000 == 999)
                Console.Error.WriteLine($"{i + 1} images, {layers} layers, {Stopwatch.GetElapsedTime(start).TotalSeconds:0} s");
        }
        Console.Out.WriteLine($"{images} images, {layers} layers");
    }

    /// <summary>Opens a store and lists its first hundred layers, in process.</summary>
    internal static void List(string root, string driver, int rounds, Action<string, string, int, TimeSpan> row)
    {
        for (int i = -5; i < rounds; i++)
        {
            long start = Stopwatch.GetTimestamp();
            using (var store = Store.Store.Open(new StoreOptions { Root = root, Driver = driver }))
            {
                if (store.ListLayers(100).Count != 100)
                    throw new InvalidOperationException("the store is not filled");
            }
            if (i >= 0)
                row("scale", "open, list 100, close, in process", i, Stopwatch.GetElapsedTime(start));
        }
    }

    private static ChainId Register(Store.Store store, ChainId? parent, int depth, ref int number)
    {
        var inputs = new LayerInput[depth];
        for (int i = 0; i < depth; i++)
        {
            byte[] tar = Tar(number++);
            inputs[i] = new LayerInput { Open = () => new MemoryStream(tar, writable: false), DiffId = new DiffId(Digest.Sha256(SHA256.HashData(tar))), BlobBytes = tar.Length };
        }
        return store.RegisterLayers(inputs, parent)[^1].ChainId;
    }

    private static byte[] Tar(int number)
    {
        var tar = new MemoryStream();
        using (var writer = new Formats.Tar.TarWriter(tar, leaveOpen: true))
        {
            byte[] content = Encoding.ASCII.GetBytes(string.Create(CultureInfo.InvariantCulture, $"layer {number}\n"));
            writer.Write(new Formats.Tar.TarEntry { Name = Encoding.ASCII.GetBytes(string.Create(CultureInfo.InvariantCulture, $"file{number % 100}")), Type = Formats.Tar.TarEntryType.RegularFile, Mode = 0x1A4, SizeBytes = content.Length }, stream => stream.Write(content));
            writer.WriteEnd();
        }
        return tar.ToArray();
    }
}
