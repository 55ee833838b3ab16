using System.Text;

namespace Strata.Formats.Tests.Tar;

/// <summary>Builds archives byte by byte, right ones and wrong ones. Text is Latin-1: a char is a byte.</summary>
internal sealed class TarBytes
{
    private readonly List<byte> _bytes = [];

    internal int Length => _bytes.Count;

    internal static byte[] Raw(string text) => Encoding.Latin1.GetBytes(text);

    internal static string Octal(long value, int digits) => Convert.ToString(value, 8).PadLeft(digits, '0');

    /// <summary>GNU's base 256: the first bit is set, the rest is a big-endian number in two's complement.</summary>
    internal static byte[] Base256(long value, int length)
    {
        byte[] field = new byte[length];
        for (int i = 0; i < length; i++)
            field[length - 1 - i] = (byte)(i < 8 ? value >> (8 * i) : value >> 63);
        field[0] |= 0x80;
        return field;
    }

    /// <summary>A header block and its content, padded.</summary>
    /// <param name="change">Changes the block before its checksum is made.</param>
    /// <param name="size">What the size field says, if it is not the content's length.</param>
    /// <param name="magic">"ustar\000" (POSIX), "ustar  \0" (GNU), or "" (v7).</param>
    internal TarBytes Entry(
        string name, string content = "", char type = '0', string link = "", int mode = 0x1A4, long uid = 0, long gid = 0, long mtime = 0,
        long? size = null, string magic = "ustar\000", string prefix = "", Action<byte[]>? change = null)
    {
        byte[] block = new byte[512];
        Put(block, 0, name, 100);
        Put(block, 100, Octal(mode, 7), 8);
        Put(block, 108, Octal(uid, 7), 8);
        Put(block, 116, Octal(gid, 7), 8);
        Put(block, 124, Octal(size ?? content.Length, 11), 12);
        Put(block, 136, Octal(mtime, 11), 12);
        block[156] = (byte)type;
        Put(block, 157, link, 100);
        Put(block, 257, magic, 8);
        Put(block, 345, prefix, 155);
        change?.Invoke(block);
        Seal(block);
        return Block(block).Content(content);
    }

    internal TarBytes Pax(params (string Key, string Value)[] records) => PaxOf('x', records);

    internal TarBytes GlobalPax(params (string Key, string Value)[] records) => PaxOf('g', records);

    /// <summary>An extended header with this text in it, right or wrong.</summary>
    internal TarBytes PaxText(string text, char type = 'x') => Entry("PaxHeaders/x", text, type);

    internal TarBytes LongName(string name) => Entry("././@LongLink", name + "\0", 'L', magic: "ustar  \0");

    internal TarBytes LongLink(string name) => Entry("././@LongLink", name + "\0", 'K', magic: "ustar  \0");

    internal TarBytes Block(byte[] block)
    {
        _bytes.AddRange(block);
        return this;
    }

    internal TarBytes Content(string content)
    {
        _bytes.AddRange(Raw(content));
        _bytes.AddRange(new byte[(512 - (content.Length % 512)) % 512]);
        return this;
    }

    internal TarBytes Zeros(int count)
    {
        _bytes.AddRange(new byte[count]);
        return this;
    }

    internal byte[] End() => Zeros(1024).ToArray();

    internal byte[] ToArray() => _bytes.ToArray();

    internal static string Record(string key, string value)
    {
        int body = key.Length + value.Length + 3;
        int length = body + 1;
        while (body + length.ToString(System.Globalization.CultureInfo.InvariantCulture).Length != length)
            length++;
        return $"{length} {key}={value}\n";
    }

    internal static void Put(byte[] block, int offset, string text, int max)
    {
        if (text.Length > max)
            throw new ArgumentException($"'{text}' is longer than {max}.");
        Raw(text).CopyTo(block, offset);
    }

    internal static void Seal(byte[] block, bool signed = false)
    {
        block.AsSpan(148, 8).Fill((byte)' ');
        int sum = 0;
        foreach (byte b in block)
            sum += signed ? (sbyte)b : b;
        Put(block, 148, Octal(sum, 6) + "\0 ", 8);
    }

    private TarBytes PaxOf(char type, (string Key, string Value)[] records) =>
        PaxText(string.Concat(records.Select(r => Record(r.Key, r.Value))), type);
}
