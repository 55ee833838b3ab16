using System.Globalization;
using System.Text;

namespace Strata.Store.Tests;

/// <summary>What is known of 100,000 layers at once, compactly.</summary>
public sealed class LayerNumbersTests
{
    private static ChainId Chain(int number) => new(StoreRig.DigestOf(Encoding.ASCII.GetBytes(number.ToString(CultureInfo.InvariantCulture))));

    [Theory]
    [InlineData(0)]
    [InlineData(3000)]
    public void Layers_are_found_by_their_chain_and_no_others_are(int expected)
    {
        var numbers = new LayerNumbers(expected);
        Assert.Equal(-1, numbers.Find(Chain(0)));
        for (int i = 0; i < 3000; i++)
        {
            Assert.Equal(-1, numbers.Find(Chain(i)));
            numbers.Add(Chain(i));
        }
        Assert.Equal(3000, numbers.Count);
        Assert.Equal(-1, numbers.Find(null));
        for (int i = 0; i < 6000; i++)
            Assert.Equal(i < 3000 ? i : -1, numbers.Find(Chain(i)));
        Assert.Equal(Chain(17), numbers[17]);
    }

    [Fact]
    public void Ids_of_all_forms_are_kept()
    {
        string hex = LayerId.New().ToString();
        string[] ids = ["a", hex, new string('x', 128), hex.ToUpperInvariant(), "docker-1.2_3", LayerId.New().ToString(), hex[..63]];
        var column = new LayerIdColumn(0);
        var set = new LayerIdSet(2);
        foreach (string id in ids)
        {
            Assert.False(set.Contains(id), id);
            set.Add(id);
            column.Add(LayerId.Parse(id));
        }
        Assert.All(ids, id => Assert.True(set.Contains(id), id));
        Assert.Equal(ids, Enumerable.Range(0, ids.Length).Select(i => column[i].ToString()));
        Assert.False(set.Contains(""));
        Assert.False(set.Contains(LayerId.New().ToString()));
    }
}
