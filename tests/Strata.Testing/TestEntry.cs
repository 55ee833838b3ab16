using System.Globalization;
using System.Text;

namespace Strata.Testing;

/// <summary>An entry of a layer with its content, made in one line. Modes are written as in a shell: <c>4755</c> is octal.</summary>
/// <param name="Entry">The entry.</param>
/// <param name="Data">A file's data, holes left out.</param>
/// <param name="Extents">Where the data lies in a sparse file; null: it is whole.</param>
public sealed record TestEntry(LayerEntry Entry, byte[] Data, IReadOnlyList<DataExtent>? Extents = null)
{
    /// <summary>The time that entries get if none is given.</summary>
    public static FileTime DefaultTime { get; } = new(1_000_000_000, 123_456_789);

    /// <summary>A directory.</summary>
    public static TestEntry Directory(string path, int mode = 755, uint uid = 0, uint gid = 0, FileTime? time = null, params Xattr[] xattrs) =>
        new(Make(path, EntryKind.Directory, mode, uid, gid, time, xattrs), []);

    /// <summary>A regular file of text.</summary>
    public static TestEntry File(string path, string text = "", int mode = 644, uint uid = 0, uint gid = 0, FileTime? time = null, params Xattr[] xattrs) =>
        File(path, Encoding.UTF8.GetBytes(text), mode, uid, gid, time, xattrs);

    /// <summary>A regular file.</summary>
    public static TestEntry File(string path, byte[] data, int mode = 644, uint uid = 0, uint gid = 0, FileTime? time = null, params Xattr[] xattrs) =>
        new(Make(path, EntryKind.RegularFile, mode, uid, gid, time, xattrs, sizeBytes: data.Length), data);

    /// <summary>A sparse file.</summary>
    public static TestEntry Sparse(string path, long sizeBytes, byte[] data, params DataExtent[] extents) =>
        new(Make(path, EntryKind.RegularFile, 644, 0, 0, null, [], sizeBytes: sizeBytes), data, extents);

    /// <summary>A symbolic link.</summary>
    public static TestEntry Symlink(string path, string target, uint uid = 0, uint gid = 0, FileTime? time = null, params Xattr[] xattrs) =>
        new(Make(path, EntryKind.Symlink, 777, uid, gid, time, xattrs, linkTarget: target), []);

    /// <summary>A hard link.</summary>
    public static TestEntry HardLink(string path, string target, int mode = 644) =>
        new(Make(path, EntryKind.HardLink, mode, 0, 0, null, [], hardLinkTarget: target), []);

    /// <summary>A device or fifo.</summary>
    public static TestEntry Node(string path, EntryKind kind, int mode = 644, uint major = 0, uint minor = 0, uint uid = 0, uint gid = 0, params Xattr[] xattrs) =>
        new(Make(path, kind, mode, uid, gid, null, xattrs, major: major, minor: minor), []);

    /// <summary>A whiteout.</summary>
    public static TestEntry Whiteout(string path) => new(new LayerEntry { Path = EntryPath.Of(path), Kind = EntryKind.Whiteout }, []);

    /// <summary>An opaque mark on a directory.</summary>
    public static TestEntry Opaque(string path) => new(new LayerEntry { Path = EntryPath.Of(path), Kind = EntryKind.Opaque }, []);

    /// <summary>The content, to be read once.</summary>
    public EntryContent Content => Entry.Kind == EntryKind.RegularFile ? new Bytes(Entry.SizeBytes, Data, Extents) : EntryContent.Empty;

    /// <summary>An extended attribute of text.</summary>
    public static Xattr Xattr(string name, string value) => new(Encoding.UTF8.GetBytes(name), Encoding.UTF8.GetBytes(value));

    /// <summary>Digits read as octal.</summary>
    public static int Octal(int digits) => Convert.ToInt32(digits.ToString(CultureInfo.InvariantCulture), 8);

    /// <inheritdoc/>
    public override string ToString() => Entry.ToString();

    private static LayerEntry Make(
        string path, EntryKind kind, int mode, uint uid, uint gid, FileTime? time, Xattr[] xattrs,
        long sizeBytes = 0, string? linkTarget = null, string? hardLinkTarget = null, uint major = 0, uint minor = 0) => new()
        {
            Path = EntryPath.Of(path),
            Kind = kind,
            Mode = Octal(mode),
            Uid = uid,
            Gid = gid,
            Mtime = time ?? DefaultTime,
            SizeBytes = sizeBytes,
            LinkTarget = linkTarget is null ? null : Encoding.UTF8.GetBytes(linkTarget),
            HardLinkTarget = hardLinkTarget is null ? default : EntryPath.Of(hardLinkTarget),
            DeviceMajor = major,
            DeviceMinor = minor,
            Xattrs = xattrs,
        };

    private sealed class Bytes(long sizeBytes, byte[] data, IReadOnlyList<DataExtent>? extents) : EntryContent
    {
        private int _position;

        public override long SizeBytes => sizeBytes;

        public override IReadOnlyList<DataExtent>? Extents => extents;

        public override ReadOnlySpan<byte> ReadChunk(int maxBytes)
        {
            int length = Math.Min(Math.Min(maxBytes, 10_000), data.Length - _position);
            _position += length;
            return data.AsSpan(_position - length, length);
        }
    }
}
