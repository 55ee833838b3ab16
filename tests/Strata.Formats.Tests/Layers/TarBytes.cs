using System.Text;

namespace Strata.Formats.Tests.Layers;

/// <summary>Builds a tar byte by byte, whatever nonsense it holds. Shares no code with what it tests.</summary>
internal sealed class TarBytes
{
    private readonly List<byte> _tar = [];

    internal TarBytes File(string name, string content = "", int mode = 0x1A4) => Entry(name, '0', content: Encoding.UTF8.GetBytes(content), mode: mode);

    internal TarBytes Directory(string name) => Entry(name, '5', mode: 0x1ED);

    internal TarBytes Symlink(string name, string target) => Entry(name, '2', target);

    internal TarBytes HardLink(string name, string target) => Entry(name, '1', target);

    /// <summary>A PAX header for the next entry.</summary>
    internal TarBytes Pax(string key, string value)
    {
        byte[] body = Encoding.UTF8.GetBytes($" {key}={value}\n");
        int length = body.Length + 1;
        while (length != body.Length + length.ToString(System.Globalization.CultureInfo.InvariantCulture).Length)
            length++;
        return Entry("PaxHeaders/x", 'x', content: [.. Encoding.ASCII.GetBytes($"{length}"), .. body]);
    }

    internal TarBytes Entry(
        string name, char type, string link = "", byte[]? content = null, int mode = 0x1A4, string major = "0000000", string minor = "0000000",
        string uid = "0000000", string gid = "0000000")
    {
        byte[] block = new byte[512];
        Put(block, 0, name);
        Put(block, 100, Convert.ToString(mode, 8).PadLeft(7, '0'));
        Put(block, 108, uid);
        Put(block, 116, gid);
        Put(block, 124, Convert.ToString(content?.Length ?? 0, 8).PadLeft(11, '0'));
        Put(block, 136, "00000000001");
        block[156] = (byte)type;
        Put(block, 157, link);
        Put(block, 257, "ustar\0" + "00");
        Put(block, 329, major);
        Put(block, 337, minor);
        Put(block, 148, "        ");
        Put(block, 148, Convert.ToString(block.Sum(b => b), 8).PadLeft(6, '0') + "\0 ");
        _tar.AddRange(block);
        if (content is not null)
        {
            _tar.AddRange(content);
            _tar.AddRange(new byte[-content.Length & 511]);
        }
        return this;
    }

    internal byte[] End()
    {
        _tar.AddRange(new byte[1024]);
        return _tar.ToArray();
    }

    private static void Put(byte[] block, int at, string text) => Encoding.UTF8.GetBytes(text).CopyTo(block, at);
}
