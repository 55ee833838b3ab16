using CsCheck;
using Strata.Formats.Compression;

namespace Strata.Formats.Tests.Compression;

public sealed class MutationTests
{
    private static readonly byte[][] Seeds =
    [
        Samples.Join(Samples.Gzip(Samples.Text(2000)), Samples.Gzip(Samples.Noise(500))), Samples.Join(Samples.Zstd(Samples.Text(2000)), Samples.Zstd(Samples.Noise(500))),
        Samples.Join(Samples.Bzip2(Samples.Text(2000)), Samples.Bzip2(Samples.Noise(500))), XzSamples.Crc32Blocks, XzSamples.NoCheck, XzSamples.SizesInBlocks,
    ];

    /// <summary>Damage of any kind ends in data or in an error of this library's, soon, and takes no more memory than the limits allow.</summary>
    [Fact]
    public void Damaged_data_gives_data_or_an_error_of_ours()
    {
        var change = Gen.Select(Gen.Int[0, 10_000], Gen.Int[0, 2], Gen.Byte.Array[1, 6]);
        Gen.Select(Gen.Int[0, Seeds.Length - 1], change.Array[1, 4]).Sample(
            (seed, changes) =>
            {
                List<byte> data = [.. Seeds[seed]];
                foreach (var (where, how, bytes) in changes)
                {
                    int at = where % data.Count;
                    if (how == 0)
                        data.InsertRange(at, bytes);
                    else if (how == 1)
                        data.RemoveRange(at, Math.Min(bytes.Length, data.Count - at - 1));
                    else
                        data[at] = bytes[0];
                }
                _ = Samples.TryDecompress([.. data]);
            },
            iter: 3000);
    }
}
