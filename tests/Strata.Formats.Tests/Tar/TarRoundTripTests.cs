using System.Text;
using CsCheck;
using Strata.Formats.Tar;

namespace Strata.Formats.Tests.Tar;

/// <summary>Random entries survive writing and reading; random damage never gives anything but an error of ours.</summary>
public class TarRoundTripTests
{
    private static readonly Gen<byte[]> NameBytes = Gen.Byte.Array[1, 60].Select(bytes => bytes.Select(b => b is 0 or (byte)'/' ? (byte)'n' : b).ToArray());

    private static readonly Gen<byte[]> Path = NameBytes.Array[1, 6].Select(parts =>
        parts.SelectMany((part, i) => i == 0 ? part : [(byte)'/', .. part]).ToArray());

    private static readonly Gen<FileTime> Time = Gen.Select(
        Gen.OneOf(Gen.Long[0, 1L << 33], Gen.Long[-2_000_000_000, 0], Gen.Long, Gen.Const(long.MinValue), Gen.Const(long.MaxValue)),
        Gen.OneOf(Gen.Const(0), Gen.Int[0, 999_999_999]),
        (seconds, nanoseconds) => new FileTime(seconds, nanoseconds));

    private static readonly Gen<uint> Id = Gen.OneOf(Gen.UInt[0, 70_000], Gen.UInt[2_000_000, 2_200_000], Gen.UInt[0, uint.MaxValue - 1]);

    private static readonly Gen<Xattr[]> Xattrs = Gen.Select(
            NameBytes.Select(name => name.Select(b => b == (byte)'=' ? (byte)'e' : b).ToArray()),
            Gen.Byte.Array[0, 80],
            (name, value) => new Xattr(name, value))
        .Array[0, 4]
        .Select(list => list.DistinctBy(x => Convert.ToHexString(x.Name)).OrderBy(x => Convert.ToHexString(x.Name), StringComparer.Ordinal).ToArray());

    private static readonly Gen<(TarEntry Entry, byte[] Content)> Entry =
        from type in Gen.Enum<TarEntryType>()
        from path in Path
        from link in Path
        from mode in Gen.Int[0, 0xFFF]
        from uid in Id
        from gid in Id
        from mtime in Time
        from major in Gen.UInt[0, 4095]
        from minor in Gen.UInt[0, 1_048_575]
        from xattrs in Xattrs
        from content in Gen.OneOf(Gen.Byte.Array[0, 2000], Gen.Const(Array.Empty<byte>()), Gen.Const(new byte[512]))
        let isFile = type == TarEntryType.RegularFile
        let isDevice = type is TarEntryType.CharDevice or TarEntryType.BlockDevice
        select (
            new TarEntry
            {
                Name = type == TarEntryType.Directory ? [.. path, (byte)'/'] : path,
                Type = type,
                LinkName = type is TarEntryType.Symlink or TarEntryType.HardLink ? link : [],
                Mode = mode,
                Uid = uid,
                Gid = gid,
                Mtime = mtime,
                SizeBytes = isFile ? content.Length : 0,
                DeviceMajor = isDevice ? major : 0,
                DeviceMinor = isDevice ? minor : 0,
                Xattrs = xattrs,
            },
            isFile ? content : []);

    [Fact]
    public void What_is_written_is_read() =>
        Entry.Array[0, 8].Sample(
            entries =>
            {
                byte[] tar = TarWriterTests.Write(entries);
                Assert.Equal(0, tar.Length % 512);
                Assert.Equal(
                    entries.Select(e => TarListing.Line(new TarListing.Read(e.Entry, e.Content, e.Content))),
                    TarListing.Of(tar).Select(TarListing.Line));
                Assert.Equal(tar, TarWriterTests.Write(entries));
                Assert.Equal(tar, TarWriterTests.Write([.. TarListing.Of(tar).Select(r => (r.Entry, r.Content))]));
            },
            iter: 1000);

    [Fact]
    public void What_is_written_comes_back_from_its_recipe() =>
        Entry.Array[0, 8].Sample(
            entries =>
            {
                byte[] tar = TarWriterTests.Write(entries);
                var (recipe, contents) = TarRecipeTests.Record(tar);
                Assert.Equal(tar, TarRecipeTests.Replay(recipe, contents));
            },
            iter: 200);

    /// <summary>Damages samples: bytes changed, blocks doubled, removed, exchanged, checksums mended so that the damage gets past them.</summary>
    [Fact]
    public void Damaged_archives_give_entries_or_an_error_of_ours()
    {
        var random = new Random(20_231);
        var samples = TarSamples.All.Values.Where(tar => tar.Length >= 1024).Select(tar => tar[..Math.Min(tar.Length, 16_384)]).ToArray();
        var limits = LayerLimits.Default with { MaxContentBytes = 1 << 24 };
        var until = DateTime.UtcNow.AddSeconds(2);
        int read = 0, refused = 0;
        for (int round = 0; round < 40_000 && DateTime.UtcNow < until; round++)
        {
            byte[] tar = Damage(samples[random.Next(samples.Length)], random);
            try
            {
                TarListing.Drain(tar, new TarReaderOptions { Limits = limits });
                read++;
            }
            catch (StrataException)
            {
                refused++;
            }
            catch (Exception e)
            {
                Assert.Fail($"Round {round}: {e}\n{Convert.ToBase64String(tar)}");
            }
        }
        Assert.True(read > 100 && refused > 100, $"{read} were read, {refused} refused: the damage is too small or too large.");
    }

    private static byte[] Damage(byte[] sample, Random random)
    {
        byte[] tar = (byte[])sample.Clone();
        int blocks = tar.Length / 512;
        for (int times = random.Next(1, 5); times > 0; times--)
        {
            int block = random.Next(blocks);
            switch (random.Next(6))
            {
                case 0:
                    tar[random.Next(tar.Length)] = (byte)random.Next(256);
                    break;
                case 1: // a field of a header
                    tar[(block * 512) + random.Next(100, 160)] = (byte)random.Next(256);
                    break;
                case 2:
                    tar[(block * 512) + 156] = (byte)"\0001234567SxgLKVX"[random.Next(15)];
                    break;
                case 3:
                    tar.AsSpan(random.Next(blocks) * 512, 512).CopyTo(tar.AsSpan(block * 512));
                    break;
                case 4: // a digit for a digit, where numbers are
                    int at = Array.FindIndex(tar, random.Next(tar.Length), b => b is >= (byte)'0' and <= (byte)'9');
                    if (at >= 0)
                        tar[at] = (byte)('0' + random.Next(10));
                    break;
                case 5:
                    tar = tar[..random.Next(tar.Length - 511, tar.Length + 1)];
                    break;
            }
            blocks = Math.Max(1, tar.Length / 512);
            if (tar.Length < 1024)
                return tar;
        }
        // Mend the checksums of all that looks like a header.
        for (int at = 0; at + 512 <= tar.Length; at += 512)
        {
            if (tar.AsSpan(at + 257, 5).SequenceEqual("ustar"u8))
            {
                byte[] header = tar[at..(at + 512)];
                TarBytes.Seal(header);
                header.CopyTo(tar, at);
            }
        }
        return tar;
    }
}
