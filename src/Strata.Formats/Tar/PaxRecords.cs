using System.Buffers.Text;
using System.Text;

namespace Strata.Formats.Tar;

/// <summary>What a PAX extended header says: the records that a reader acts on (pax(1), "pax Extended Header"; GNU tar, "Sparse Formats").</summary>
/// <remarks>
/// An empty value takes back what a global header said (but an extended attribute may be empty). The last of equal keys wins, except that
/// sparse 0.0 repeats its keys. Of the two forms of one extended attribute SCHILY's wins over LIBARCHIVE's, in any order.
/// </remarks>
internal sealed class PaxRecords
{
    internal byte[]? Path { get; set; }

    internal byte[]? LinkPath { get; set; }

    internal long? Size { get; set; }

    internal long? Uid { get; set; }

    internal long? Gid { get; set; }

    internal FileTime? Mtime { get; set; }

    internal byte[]? SparseName { get; set; }

    internal long? SparseSize { get; set; }

    internal int SparseMajor { get; set; } = -1;

    internal int SparseMinor { get; set; } = -1;

    internal List<long>? SparseMap { get; set; }

    private SortedDictionary<byte[], Attribute>? _xattrs;
    private int _xattrBytes;
    private bool _offsetPending;

    /// <summary>The extended attributes, sorted by name.</summary>
    internal Xattr[] ListXattrs()
    {
        if (_xattrs is null)
            return [];
        var list = new Xattr[_xattrs.Count];
        int count = 0;
        foreach (var (name, attribute) in _xattrs)
            list[count++] = new Xattr(name, attribute.Value);
        return list;
    }

    /// <summary>Forgets the records of the last entry and starts from what the global headers said.</summary>
    internal void ResetTo(PaxRecords? global)
    {
        Path = global?.Path;
        LinkPath = global?.LinkPath;
        Size = global?.Size;
        Uid = global?.Uid;
        Gid = global?.Gid;
        Mtime = global?.Mtime;
        _xattrs = null;
        foreach (var (name, attribute) in global?._xattrs ?? [])
            (_xattrs ??= new SortedDictionary<byte[], Attribute>(ByteOrder.Instance))[name] = attribute with { Weight = 0 };
        _xattrBytes = global?._xattrBytes ?? 0;
        SparseName = null;
        SparseSize = null;
        SparseMajor = SparseMinor = -1;
        SparseMap = null;
        _offsetPending = false;
    }

    /// <summary>Reads the records of one extended header.</summary>
    internal void Parse(ReadOnlySpan<byte> records, LayerLimits limits, long offsetBytes)
    {
        while (!records.IsEmpty)
        {
            if (!Utf8Parser.TryParse(records, out int length, out int digits) || digits >= records.Length || records[digits] != (byte)' '
                || length <= digits + 1 || length > records.Length || records[length - 1] != (byte)'\n')
            {
                if (TarHeader.IsZero(records))
                    return; // NULs after the last record: some writers pad
                throw Broken("a record whose length does not fit", offsetBytes);
            }
            var record = records[(digits + 1)..(length - 1)];
            records = records[length..];
            int equals = record.IndexOf((byte)'=');
            if (equals <= 0)
                throw Broken("a record without a key", offsetBytes);
            Apply(record[..equals], record[(equals + 1)..], limits, offsetBytes);
        }
    }

    private void Apply(ReadOnlySpan<byte> key, ReadOnlySpan<byte> value, LayerLimits limits, long offsetBytes)
    {
        bool empty = value.IsEmpty;
        if (key.SequenceEqual("path"u8))
            Path = empty ? null : NoNul(value, "path", offsetBytes);
        else if (key.SequenceEqual("linkpath"u8))
            LinkPath = empty ? null : NoNul(value, "linkpath", offsetBytes);
        else if (key.SequenceEqual("size"u8))
            Size = empty ? null : Number(value, "size", offsetBytes);
        else if (key.SequenceEqual("uid"u8))
            Uid = empty ? null : Number(value, "uid", offsetBytes);
        else if (key.SequenceEqual("gid"u8))
            Gid = empty ? null : Number(value, "gid", offsetBytes);
        else if (key.SequenceEqual("mtime"u8))
            Mtime = empty ? null : Time(value, offsetBytes);
        else if (key.StartsWith("SCHILY.xattr."u8))
            AddXattr(key["SCHILY.xattr."u8.Length..].ToArray(), value.ToArray(), limits, weight: 2);
        else if (key.StartsWith("LIBARCHIVE.xattr."u8))
            AddLibarchiveXattr(key["LIBARCHIVE.xattr."u8.Length..], value, limits, offsetBytes);
        else if (key.StartsWith("GNU.sparse."u8))
            ApplySparse(key["GNU.sparse."u8.Length..], value, limits, offsetBytes);
    }

    private void ApplySparse(ReadOnlySpan<byte> key, ReadOnlySpan<byte> value, LayerLimits limits, long offsetBytes)
    {
        if (key.SequenceEqual("name"u8))
            SparseName = NoNul(value, "GNU.sparse.name", offsetBytes);
        else if (key.SequenceEqual("size"u8) || key.SequenceEqual("realsize"u8))
            SparseSize = Number(value, "GNU.sparse.size", offsetBytes);
        else if (key.SequenceEqual("major"u8))
            SparseMajor = (int)Math.Min(Number(value, "GNU.sparse.major", offsetBytes), int.MaxValue);
        else if (key.SequenceEqual("minor"u8))
            SparseMinor = (int)Math.Min(Number(value, "GNU.sparse.minor", offsetBytes), int.MaxValue);
        else if (key.SequenceEqual("offset"u8) || key.SequenceEqual("numbytes"u8))
        {
            bool isOffset = key.SequenceEqual("offset"u8);
            if (isOffset == _offsetPending)
                throw Broken("a sparse map whose offsets and lengths are not in pairs", offsetBytes);
            _offsetPending = isOffset;
            AddToMap(Number(value, "GNU.sparse.offset", offsetBytes), limits);
        }
        else if (key.SequenceEqual("map"u8))
        {
            SparseMap = [];
            _offsetPending = false;
            while (!value.IsEmpty)
            {
                int comma = value.IndexOf((byte)',');
                AddToMap(Number(comma < 0 ? value : value[..comma], "GNU.sparse.map", offsetBytes), limits);
                value = comma < 0 ? default : value[(comma + 1)..];
            }
        }
    }

    private void AddToMap(long number, LayerLimits limits)
    {
        SparseMap ??= [];
        if (SparseMap.Count >= 2L * limits.MaxSparseExtents)
            throw TarReader.OverLimit($"a sparse file has more than {limits.MaxSparseExtents} extents", nameof(LayerLimits.MaxSparseExtents));
        SparseMap.Add(number);
    }

    private void AddXattr(byte[] name, byte[] value, LayerLimits limits, int weight)
    {
        if (value.Length > limits.MaxXattrValueBytes)
            throw TarReader.OverLimit(
                $"the extended attribute {EntryPath.Display(name)} has {value.Length} bytes", nameof(LayerLimits.MaxXattrValueBytes));
        _xattrs ??= new SortedDictionary<byte[], Attribute>(ByteOrder.Instance);
        if (_xattrs.TryGetValue(name, out var known))
        {
            if (known.Weight > weight)
                return;
            _xattrBytes -= name.Length + known.Value.Length;
        }
        _xattrBytes += name.Length + value.Length;
        if (_xattrBytes > limits.MaxXattrTotalBytes)
            throw TarReader.OverLimit($"an entry's extended attributes have more than {limits.MaxXattrTotalBytes} bytes together", nameof(LayerLimits.MaxXattrTotalBytes));
        _xattrs[name] = new Attribute(value, weight);
    }

    /// <summary>libarchive's form: the name URL-encoded, the value in base64 without padding. SCHILY's form of the same name wins.</summary>
    private void AddLibarchiveXattr(ReadOnlySpan<byte> key, ReadOnlySpan<byte> value, LayerLimits limits, long offsetBytes)
    {
        byte[] name = new byte[key.Length];
        int length = 0;
        for (int i = 0; i < key.Length; i++)
        {
            if (key[i] == (byte)'%' && i + 2 < key.Length && Utf8Parser.TryParse(key.Slice(i + 1, 2), out byte code, out int used, 'x') && used == 2)
            {
                name[length++] = code;
                i += 2;
            }
            else
            {
                name[length++] = key[i];
            }
        }
        string text = Encoding.ASCII.GetString(value).TrimEnd('=', '\n');
        byte[] decoded = new byte[(text.Length * 3 / 4) + 3];
        if (!Convert.TryFromBase64String(text.PadRight((text.Length + 3) / 4 * 4, '='), decoded, out int size))
            throw Broken("an extended attribute that is not base64", offsetBytes);
        AddXattr(name[..length], decoded[..size], limits, weight: 1);
    }

    private static byte[] NoNul(ReadOnlySpan<byte> value, string key, long offsetBytes) =>
        value.IndexOf((byte)0) < 0 ? value.ToArray() : throw Broken($"a NUL in {key}", offsetBytes);

    private static long Number(ReadOnlySpan<byte> value, string key, long offsetBytes) =>
        Utf8Parser.TryParse(value, out long number, out int used) && used == value.Length
            ? number
            : throw Broken($"'{EntryPath.Display(value)}' as {key}, which is no number of 64 bits", offsetBytes);

    /// <summary>Decimal seconds with any number of digits after the point; nine are kept. Negative times count down, nanoseconds up.</summary>
    private static FileTime Time(ReadOnlySpan<byte> value, long offsetBytes)
    {
        bool negative = value.StartsWith("-"u8);
        int point = value.IndexOf((byte)'.');
        var whole = point < 0 ? value : value[..point];
        if (negative)
            whole = whole[1..];
        ulong seconds = 0;
        bool ok = whole.IsEmpty
            ? point >= 0 && point + 1 < value.Length
            : Utf8Parser.TryParse(whole, out seconds, out int used) && used == whole.Length;
        int nanoseconds = 0;
        bool more = false;
        if (ok && point >= 0)
        {
            var fraction = value[(point + 1)..];
            for (int i = 0; i < Math.Max(9, fraction.Length) && ok; i++)
            {
                byte digit = i < fraction.Length ? fraction[i] : (byte)'0';
                ok = digit is >= (byte)'0' and <= (byte)'9';
                if (i < 9)
                    nanoseconds = (nanoseconds * 10) + (digit - '0');
                else
                    more |= digit != (byte)'0';
            }
        }
        if (negative && more)
            nanoseconds++; // down means away from zero; one billion carries below
        bool isLowest = negative && nanoseconds == 0 && seconds == 1UL << 63;
        if (!ok || (seconds > long.MaxValue && !isLowest))
            throw Broken($"'{EntryPath.Display(value)}' as mtime, which is no time of 64 bits", offsetBytes);
        if (!negative)
            return new FileTime((long)seconds, nanoseconds);
        return nanoseconds == 0
            ? new FileTime(-(long)seconds, 0)
            : new FileTime(-(long)seconds - 1, 1_000_000_000 - nanoseconds);
    }

    private static StrataException Broken(string what, long offsetBytes) =>
        StrataException.Corrupt($"The tar is broken: its extended header at offset {offsetBytes} has {what}.");

    /// <param name="Value">The value.</param>
    /// <param name="Weight">2: in SCHILY's form; 1: in LIBARCHIVE's; 0: of a global header. The heavier one wins, the later of equals.</param>
    private readonly record struct Attribute(byte[] Value, int Weight);

    private sealed class ByteOrder : IComparer<byte[]>
    {
        internal static readonly ByteOrder Instance = new();

        public int Compare(byte[]? x, byte[]? y) => x.AsSpan().SequenceCompareTo(y);
    }
}
