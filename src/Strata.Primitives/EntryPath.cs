using System.Text;

namespace Strata;

/// <summary>The path of an entry inside a layer or a tree: bytes, relative to the root, clean.</summary>
/// <remarks>
/// Components are separated by single slashes; none is empty, <c>.</c> or <c>..</c>, none holds NUL. The root itself is the empty path.
/// File names on Linux are bytes: they are decoded only to be shown (<see cref="ToString"/>). The order is that of a depth-first walk with
/// names sorted by their bytes: a directory, then all below it, then its next sibling.
/// </remarks>
public readonly struct EntryPath : IEquatable<EntryPath>, IComparable<EntryPath>
{
    private readonly byte[]? _bytes;

    private EntryPath(byte[] bytes) => _bytes = bytes;

    /// <summary>The root of the tree.</summary>
    public static EntryPath Root => default;

    /// <summary>The bytes, without a leading or trailing slash; empty for the root.</summary>
    public ReadOnlySpan<byte> Bytes => _bytes;

    /// <summary>True for the root of the tree.</summary>
    public bool IsRoot => _bytes is null || _bytes.Length == 0;

    /// <summary>The last component; empty for the root.</summary>
    public ReadOnlySpan<byte> Name => Bytes[(Bytes.LastIndexOf((byte)'/') + 1)..];

    /// <summary>All but the last component; the root for a path of one component and for the root itself.</summary>
    public EntryPath Parent
    {
        get
        {
            int slash = Bytes.LastIndexOf((byte)'/');
            return slash <= 0 ? Root : new EntryPath(Bytes[..slash].ToArray());
        }
    }

    /// <summary>The bytes of <see cref="Parent"/>, without making a new path.</summary>
    public ReadOnlySpan<byte> ParentBytes
    {
        get
        {
            int slash = Bytes.LastIndexOf((byte)'/');
            return slash <= 0 ? default : Bytes[..slash];
        }
    }

    /// <summary>How many components the path has; 0 for the root.</summary>
    public int Depth => IsRoot ? 0 : Bytes.Count((byte)'/') + 1;

    /// <summary>
    /// Makes a path of raw bytes as a tar names it: leading slashes, <c>./</c>, doubled and trailing slashes are dropped.
    /// False if a component is <c>..</c> or a NUL is in it: such a path reaches outside or is no path.
    /// </summary>
    public static bool TryCreate(ReadOnlySpan<byte> raw, out EntryPath path)
    {
        path = default;
        if (raw.IndexOf((byte)0) >= 0)
            return false;
        if (IsClean(raw))
        {
            path = new EntryPath(raw.ToArray());
            return true;
        }
        byte[] clean = new byte[raw.Length];
        int length = 0;
        while (!raw.IsEmpty)
        {
            int slash = raw.IndexOf((byte)'/');
            var part = slash < 0 ? raw : raw[..slash];
            raw = slash < 0 ? default : raw[(slash + 1)..];
            if (part.IsEmpty || part.SequenceEqual("."u8))
                continue;
            if (part.SequenceEqual(".."u8))
                return false;
            if (length > 0)
                clean[length++] = (byte)'/';
            part.CopyTo(clean.AsSpan(length));
            length += part.Length;
        }
        path = new EntryPath(clean.AsSpan(0, length).ToArray());
        return true;
    }

    /// <summary>Makes a path of raw bytes (see <see cref="TryCreate"/>).</summary>
    /// <exception cref="StrataException">InvalidArgument: a component is <c>..</c>, or a NUL is in it.</exception>
    public static EntryPath Create(ReadOnlySpan<byte> raw) =>
        TryCreate(raw, out var path)
            ? path
            : throw StrataException.InvalidArgument($"'{Display(raw)}' is no path inside a tree: it has a '..' component or a NUL in it.");

    /// <summary>Makes a path of text, encoded as UTF-8 (see <see cref="Create"/>).</summary>
    public static EntryPath Of(string text) => Create(Encoding.UTF8.GetBytes(text));

    /// <summary>The path of the child <paramref name="name"/> (one component, not checked again).</summary>
    public EntryPath Child(ReadOnlySpan<byte> name)
    {
        var parent = Bytes;
        if (parent.IsEmpty)
            return new EntryPath(name.ToArray());
        byte[] joined = new byte[parent.Length + 1 + name.Length];
        parent.CopyTo(joined);
        joined[parent.Length] = (byte)'/';
        name.CopyTo(joined.AsSpan(parent.Length + 1));
        return new EntryPath(joined);
    }

    /// <summary>True if this is <paramref name="directory"/> itself or lies below it.</summary>
    public bool IsAtOrBelow(EntryPath directory) =>
        directory.IsRoot
        || (Bytes.StartsWith(directory.Bytes) && (Bytes.Length == directory.Bytes.Length || Bytes[directory.Bytes.Length] == (byte)'/'));

    /// <inheritdoc/>
    public bool Equals(EntryPath other) => Bytes.SequenceEqual(other.Bytes);

    /// <inheritdoc/>
    public override bool Equals(object? obj) => obj is EntryPath other && Equals(other);

    /// <inheritdoc/>
    public override int GetHashCode()
    {
        var hash = new HashCode();
        hash.AddBytes(Bytes);
        return hash.ToHashCode();
    }

    /// <summary>The order of a depth-first walk: as bytes, but a slash sorts before every other byte.</summary>
    public int CompareTo(EntryPath other)
    {
        var a = Bytes;
        var b = other.Bytes;
        int common = a.CommonPrefixLength(b);
        if (common == a.Length || common == b.Length)
            return a.Length.CompareTo(b.Length);
        int x = a[common] == (byte)'/' ? 0 : a[common];
        int y = b[common] == (byte)'/' ? 0 : b[common];
        return x.CompareTo(y);
    }

    /// <summary>Equal bytes.</summary>
    public static bool operator ==(EntryPath left, EntryPath right) => left.Equals(right);

    /// <summary>Different bytes.</summary>
    public static bool operator !=(EntryPath left, EntryPath right) => !left.Equals(right);

    /// <summary>Earlier in a depth-first walk.</summary>
    public static bool operator <(EntryPath left, EntryPath right) => left.CompareTo(right) < 0;

    /// <summary>Later in a depth-first walk.</summary>
    public static bool operator >(EntryPath left, EntryPath right) => left.CompareTo(right) > 0;

    /// <summary>Not later in a depth-first walk.</summary>
    public static bool operator <=(EntryPath left, EntryPath right) => left.CompareTo(right) <= 0;

    /// <summary>Not earlier in a depth-first walk.</summary>
    public static bool operator >=(EntryPath left, EntryPath right) => left.CompareTo(right) >= 0;

    /// <summary>The path to show: with a leading slash; bytes that are not printable UTF-8 as <c>\xNN</c>.</summary>
    public override string ToString() => "/" + Display(Bytes);

    /// <summary>Bytes to show: UTF-8 where it is, control characters and other bytes as <c>\xNN</c>, a backslash doubled.</summary>
    public static string Display(ReadOnlySpan<byte> bytes)
    {
        var text = new StringBuilder(bytes.Length);
        while (!bytes.IsEmpty)
        {
            var status = Rune.DecodeFromUtf8(bytes, out var rune, out int used);
            if (status != System.Buffers.OperationStatus.Done || Rune.IsControl(rune))
            {
                for (int i = 0; i < used; i++)
                    text.Append("\\x").Append(bytes[i].ToString("x2", System.Globalization.CultureInfo.InvariantCulture));
            }
            else if (rune.Value == '\\')
            {
                text.Append("\\\\");
            }
            else
            {
                text.Append(rune.ToString());
            }
            bytes = bytes[used..];
        }
        return text.ToString();
    }

    private static bool IsClean(ReadOnlySpan<byte> raw)
    {
        if (raw.IsEmpty)
            return true;
        if (raw[0] == (byte)'/' || raw[^1] == (byte)'/')
            return false;
        if (raw[0] == (byte)'.' && (raw.Length == 1 || raw[1] == (byte)'/' || (raw[1] == (byte)'.' && (raw.Length == 2 || raw[2] == (byte)'/'))))
            return false;
        return raw.IndexOf("//"u8) < 0 && raw.IndexOf("/./"u8) < 0 && raw.IndexOf("/../"u8) < 0
            && !raw.EndsWith("/."u8) && !raw.EndsWith("/.."u8);
    }
}
