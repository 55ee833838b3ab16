using System.Text;
using Strata.Formats.Tar;

namespace Strata.Formats.Tests.Tar;

/// <summary>Reads archives whole, as one line an entry.</summary>
internal static class TarListing
{
    /// <summary>One entry as it was read.</summary>
    internal sealed record Read(TarEntry Entry, byte[] Content, byte[] Packed)
    {
        internal string Name => Encoding.Latin1.GetString(Entry.Name);

        internal string Text => Encoding.Latin1.GetString(Content);
    }

    internal static List<Read> Of(byte[] tar, TarReaderOptions? options = null, int chunkBytes = 1000) =>
        Of(new MemoryStream(tar), options, chunkBytes);

    internal static List<Read> Of(Stream tar, TarReaderOptions? options = null, int chunkBytes = 1000)
    {
        using var reader = new TarReader(tar, options);
        var list = new List<Read>();
        while (reader.ReadNext(TestContext.Current.CancellationToken) is { } entry)
        {
            byte[] packed = ReadContent(reader.Content, chunkBytes);
            list.Add(new Read(entry, Expand(entry, packed), packed));
        }
        return list;
    }

    /// <summary>Reads all and keeps nothing.</summary>
    internal static void Drain(byte[] tar, TarReaderOptions? options = null)
    {
        using var reader = new TarReader(new MemoryStream(tar), options);
        while (reader.ReadNext(TestContext.Current.CancellationToken) is { })
        {
            while (!reader.Content.ReadChunk(100_000).IsEmpty)
                Assert.True(reader.PositionBytes <= tar.Length);
        }
    }

    internal static Read One(byte[] tar) => Assert.Single(Of(tar));

    internal static string[] Lines(byte[] tar) => Of(tar).Select(Line).ToArray();

    /// <summary>Type, mode, owner, size, time, name, target or content.</summary>
    internal static string Line(Read read)
    {
        var e = read.Entry;
        var text = new StringBuilder();
        text.Append($"{e.Type} {Convert.ToString(e.Mode, 8)} {e.Uid}:{e.Gid} {e.SizeBytes} {e.Mtime} {EntryPath.Display(e.Name)}");
        if (e.LinkName.Length > 0)
            text.Append($" -> {EntryPath.Display(e.LinkName)}");
        if (e.Type is TarEntryType.CharDevice or TarEntryType.BlockDevice)
            text.Append($" {e.DeviceMajor}:{e.DeviceMinor}");
        foreach (var xattr in e.Xattrs)
            text.Append($" {EntryPath.Display(xattr.Name)}={Convert.ToHexString(xattr.Value)}");
        if (read.Content.Length > 0)
            text.Append($" [{(read.Content.Length <= 64 ? EntryPath.Display(read.Content) : Convert.ToHexString(System.Security.Cryptography.SHA256.HashData(read.Content)))}]");
        return text.ToString();
    }

    internal static byte[] ReadContent(EntryContent content, int chunkBytes)
    {
        var bytes = new MemoryStream();
        for (var chunk = content.ReadChunk(chunkBytes); !chunk.IsEmpty; chunk = content.ReadChunk(chunkBytes))
        {
            Assert.True(chunk.Length <= chunkBytes);
            bytes.Write(chunk);
        }
        return bytes.ToArray();
    }

    private static byte[] Expand(TarEntry entry, byte[] packed)
    {
        if (entry.Extents is null)
        {
            Assert.Equal(entry.SizeBytes, packed.Length);
            return packed;
        }
        byte[] whole = new byte[entry.SizeBytes];
        int at = 0;
        foreach (var extent in entry.Extents)
        {
            packed.AsSpan(at, (int)extent.LengthBytes).CopyTo(whole.AsSpan((int)extent.OffsetBytes));
            at += (int)extent.LengthBytes;
        }
        Assert.Equal(packed.Length, at);
        return whole;
    }
}
