using System.Buffers;
using System.Globalization;
using System.Text;

namespace Strata.Testing;

/// <summary>Builds a tar byte by byte: also what no honest program writes. Independent of the code under test.</summary>
public sealed class TarBuilder
{
    private const int BlockSize = 512;
    private readonly ArrayBufferWriter<byte> _bytes = new();
    private readonly List<(byte[] Key, byte[] Value)> _pax = [];

    /// <summary>The time that entries get where none is told.</summary>
    public long DefaultTime { get; init; } = 1_000_000_000;

    /// <summary>Adds a record to the PAX header of the next entry.</summary>
    public TarBuilder Pax(string key, string value) => Pax(key, Encoding.UTF8.GetBytes(value));

    /// <summary>Adds a record with raw bytes to the PAX header of the next entry.</summary>
    public TarBuilder Pax(string key, byte[] value)
    {
        _pax.Add((Encoding.UTF8.GetBytes(key), value));
        return this;
    }

    /// <summary>Adds an extended attribute to the next entry.</summary>
    public TarBuilder Xattr(string name, params byte[] value) => Pax("SCHILY.xattr." + name, value);

    /// <summary>Adds a time with nanoseconds to the next entry.</summary>
    public TarBuilder Mtime(string text) => Pax("mtime", text);

    /// <summary>Adds a regular file.</summary>
    public TarBuilder File(string name, string content = "", int mode = 0x1A4, long uid = 0, long gid = 0) =>
        Raw(Encoding.UTF8.GetBytes(name), '0', mode: mode, uid: uid, gid: gid, content: Encoding.UTF8.GetBytes(content));

    /// <summary>Adds a directory.</summary>
    public TarBuilder Dir(string name, int mode = 0x1ED, long uid = 0, long gid = 0) =>
        Raw(Encoding.UTF8.GetBytes(name), '5', mode: mode, uid: uid, gid: gid);

    /// <summary>Adds a symbolic link.</summary>
    public TarBuilder Symlink(string name, string target) => Raw(Encoding.UTF8.GetBytes(name), '2', link: target, mode: 0x1FF);

    /// <summary>Adds a hard link.</summary>
    public TarBuilder Hardlink(string name, string target, int mode = 0x1A4) => Raw(Encoding.UTF8.GetBytes(name), '1', link: target, mode: mode);

    /// <summary>Adds a whiteout.</summary>
    public TarBuilder Whiteout(string path)
    {
        int slash = path.LastIndexOf('/');
        return File(path[..(slash + 1)] + ".wh." + path[(slash + 1)..]);
    }

    /// <summary>Adds an opaque mark.</summary>
    public TarBuilder Opaque(string directory) => File(directory.Length == 0 ? ".wh..wh..opq" : directory + "/.wh..wh..opq");

    /// <summary>Adds a device, fifo, or anything else.</summary>
    public TarBuilder Node(string name, char type, uint major = 0, uint minor = 0, int mode = 0x180) =>
        Raw(Encoding.UTF8.GetBytes(name), type, mode: mode, major: major, minor: minor);

    /// <summary>Adds an entry of any form.</summary>
    /// <param name="name">The name; longer than the field: a PAX record, unless there is one.</param>
    /// <param name="type">The typeflag.</param>
    /// <param name="link">The target of a link.</param>
    /// <param name="mode">The mode.</param>
    /// <param name="uid">The owner.</param>
    /// <param name="gid">The group.</param>
    /// <param name="mtime">The time, or null.</param>
    /// <param name="content">The data.</param>
    /// <param name="size">The size that the header tells; null: that of the data.</param>
    /// <param name="major">A device's major number.</param>
    /// <param name="minor">A device's minor number.</param>
    public TarBuilder Raw(
        byte[] name, char type, string link = "", int mode = 0x1A4, long uid = 0, long gid = 0, long? mtime = null, byte[]? content = null,
        long? size = null, uint major = 0, uint minor = 0)
    {
        content ??= [];
        byte[] target = Encoding.UTF8.GetBytes(link);
        if (name.Length > 100 && !_pax.Any(p => p.Key.AsSpan().SequenceEqual("path"u8)))
            Pax("path", name);
        if (target.Length > 100 && !_pax.Any(p => p.Key.AsSpan().SequenceEqual("linkpath"u8)))
            Pax("linkpath", target);
        if (uid > 0x1FFFFF)
            Pax("uid", uid.ToString(CultureInfo.InvariantCulture));
        if (gid > 0x1FFFFF)
            Pax("gid", gid.ToString(CultureInfo.InvariantCulture));
        if (_pax.Count > 0)
        {
            byte[] records = _pax.SelectMany(p => Record(p.Key, p.Value)).ToArray();
            _pax.Clear();
            Header("PaxHeader"u8.ToArray(), 'x', [], 0x1A4, 0, 0, DefaultTime, records.Length, 0, 0);
            Data(records);
        }
        Header(name, type, target, mode, uid > 0x1FFFFF ? 0 : uid, gid > 0x1FFFFF ? 0 : gid, mtime ?? DefaultTime, size ?? content.Length, major, minor);
        Data(content);
        return this;
    }

    /// <summary>Adds raw bytes.</summary>
    public TarBuilder Bytes(ReadOnlySpan<byte> bytes)
    {
        _bytes.Write(bytes);
        return this;
    }

    /// <summary>The tar with its end blocks.</summary>
    public byte[] ToArray(int endBlocks = 2) => [.. _bytes.WrittenSpan, .. new byte[endBlocks * BlockSize]];

    /// <summary>The tar as a stream.</summary>
    public MemoryStream ToStream() => new(ToArray(), writable: false);

    private static byte[] Record(byte[] key, byte[] value)
    {
        int body = key.Length + value.Length + 3;
        int length = body + 1;
        while (length != body + length.ToString(CultureInfo.InvariantCulture).Length)
            length++;
        return [.. Encoding.ASCII.GetBytes(length.ToString(CultureInfo.InvariantCulture) + " "), .. key, (byte)'=', .. value, (byte)'\n'];
    }

    private void Header(byte[] name, char type, byte[] link, int mode, long uid, long gid, long mtime, long size, uint major, uint minor)
    {
        byte[] block = new byte[BlockSize];
        name.AsSpan(0, Math.Min(100, name.Length)).CopyTo(block);
        Octal(block.AsSpan(100, 8), mode);
        Octal(block.AsSpan(108, 8), uid);
        Octal(block.AsSpan(116, 8), gid);
        Octal(block.AsSpan(124, 12), size);
        Octal(block.AsSpan(136, 12), Math.Max(0, mtime));
        block[156] = (byte)type;
        link.AsSpan(0, Math.Min(100, link.Length)).CopyTo(block.AsSpan(157));
        "ustar\0"u8.CopyTo(block.AsSpan(257));
        "00"u8.CopyTo(block.AsSpan(263));
        Octal(block.AsSpan(329, 8), major);
        Octal(block.AsSpan(337, 8), minor);
        block.AsSpan(148, 8).Fill((byte)' ');
        int sum = 0;
        foreach (byte b in block)
            sum += b;
        Octal(block.AsSpan(148, 7), sum);
        _bytes.Write(block);
    }

    private void Data(byte[] content)
    {
        _bytes.Write(content);
        _bytes.Write(new byte[-content.Length & (BlockSize - 1)]);
    }

    private static void Octal(Span<byte> field, long value)
    {
        for (int i = field.Length - 2; i >= 0; i--, value >>= 3)
            field[i] = (byte)('0' + (value & 7));
    }
}
