using System.Diagnostics;
using System.Globalization;

namespace Strata.Store.Tests;

/// <summary>A store of 100,000 layers and 10,000 images: what concerns a few of them costs what a few cost.</summary>
public sealed class ScaleTests(ITestOutputHelper output)
{
    private const int Tries = 20;
    private static readonly TimeSpan Bar = TimeSpan.FromMilliseconds(30);

    [Fact]
    public void A_store_of_100000_layers_opens_and_lists_100_in_30_ms()
    {
        using var rig = new StoreRig("overlay");
        var real = rig.Register(StoreRig.Tar(1), StoreRig.Tar(2));
        rig.Store.AddImage("{1}"u8, "{2}"u8, real[1].ChainId, ["real:1"]);
        rig.Store.Dispose();
        BigStore.Fill(rig.Root);

        IReadOnlyList<LayerRecord> page = [];
        Fast("open and list 100 layers", _ =>
        {
            using var store = rig.Open();
            page = store.ListLayers(100);
        });
        Assert.Equal(100, page.Count);
        rig.Reopen();
        var store = rig.Store;
        Assert.Equal(new StoreCounts(BigStore.Layers + 2, BigStore.Images + 1, 0), store.Count());

        // Pages join, and hold all, in the order of the whole list.
        var paged = new List<LayerRecord>();
        for (LayerRecord? last = null; paged.Count == 0 || last is not null; last = page.Count == 0 ? null : page[^1])
            paged.AddRange(page = store.ListLayers(7_000, last));
        Assert.Equal(store.ListLayers(), paged);
        Fast("list 100 layers from the middle", _ => page = store.ListLayers(100, paged[50_000]));
        Assert.Equal(paged.Skip(50_001).Take(100), page);

        Fast("an image by name", i => Assert.NotNull(store.FindImage(BigStore.NameOf(i))));
        var image = store.FindImage(BigStore.NameOf(7))!;
        Fast("an image by the beginning of its ID", _ => Assert.Equal(image.Manifest, store.FindImagesByPrefix(image.Config.Hex[..12], 2).Single().Manifest));
        Fast("an image by its manifest", _ => Assert.Equal(image.Names, store.FindImage(image.Manifest)!.Names));
        Fast("a layer by the beginning of its chain ID", i => Assert.Single(store.FindLayersByPrefix(BigStore.ChainOf(i)[7..20], 2)));
        Fast("a layer by the beginning of its diff ID", i => Assert.Single(store.FindLayersByPrefix(paged[i].DiffId.Digest.Hex[..12], 2)));
        Fast("the chain of an image", i => Assert.Equal(BigStore.DepthOf(i), store.GetChain(store.FindImage(BigStore.NameOf(i))!.TopLayer!.Value).Count));
        Fast("remove an image with ten layers", i => Assert.Equal(BigStore.OwnOf(i), store.RemoveImage(store.FindImage(BigStore.NameOf(i))!.Manifest).Count));
        Fast("load what is there already", _ => store.RegisterLayers([StoreRig.Input(StoreRig.Tar(1)), StoreRig.Input(StoreRig.Tar(2))]));
        Fast("add and remove a writable layer", i =>
        {
            string name = string.Create(CultureInfo.InvariantCulture, $"box{i}");
            store.CreateWritable(name, real[1].ChainId);
            store.RemoveWritable(name);
        });
        Fast("list all images", _ => Assert.InRange(store.ListImages().Count, BigStore.Images - Tries, BigStore.Images + 1), TimeSpan.FromMilliseconds(300));
    }

    /// <summary>The fastest of some tries, since the machine may be busy: what grows with the store would be slow each time.</summary>
    private void Fast(string what, Action<int> action, TimeSpan? bar = null)
    {
        var least = TimeSpan.MaxValue;
        for (int i = 0; i < Tries; i++)
        {
            long start = Stopwatch.GetTimestamp();
            action(i);
            var took = Stopwatch.GetElapsedTime(start);
            least = took < least ? took : least;
        }
        output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{what}: {least.TotalMilliseconds:F2} ms"));
        Assert.True(least <= (bar ?? Bar), string.Create(CultureInfo.InvariantCulture, $"{what} takes {least.TotalMilliseconds:F1} ms"));
    }
}
