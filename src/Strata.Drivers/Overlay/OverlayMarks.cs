using Strata.Linux;
using Strata.Trees;

namespace Strata.Drivers.Overlay;

/// <summary>
/// overlayfs's marks and what they are called in a layer: the one place that knows them (kernel documentation, filesystems/overlayfs.rst).
/// </summary>
/// <param name="userXattr">True: the marks are in <c>user.overlay.</c>, as in a user namespace; false: in <c>trusted.overlay.</c></param>
internal class OverlayMarks(bool userXattr) : IMarkReader
{
    private readonly byte[] _prefix = userXattr ? "user.overlay."u8.ToArray() : "trusted.overlay."u8.ToArray();
    private readonly byte[] _opaque = userXattr ? "user.overlay.opaque"u8.ToArray() : "trusted.overlay.opaque"u8.ToArray();
    private readonly byte[] _redirect = userXattr ? "user.overlay.redirect"u8.ToArray() : "trusted.overlay.redirect"u8.ToArray();
    private readonly byte[] _metacopy = userXattr ? "user.overlay.metacopy"u8.ToArray() : "trusted.overlay.metacopy"u8.ToArray();
    private readonly byte[] _whiteout = userXattr ? "user.overlay.whiteout"u8.ToArray() : "trusted.overlay.whiteout"u8.ToArray();
    private readonly byte[] _escape = userXattr ? "user.overlay.overlay."u8.ToArray() : "trusted.overlay.overlay."u8.ToArray();

    /// <summary>What a directory gets that hides the layers below.</summary>
    public virtual Xattr OpaqueMark => new(_opaque, "y"u8.ToArray());

    /// <summary>A character device 0:0, or (Linux 6.7) an empty file with an attribute.</summary>
    public virtual bool IsRemoval(int directory, ReadOnlySpan<byte> name, FileStatus status) =>
        status is { Type: NameCalls.TypeCharDevice, RdevMajor: 0, RdevMinor: 0 }
        || (status is { Type: NameCalls.TypeRegular, SizeBytes: 0 } && Has(directory, name, _whiteout));

    /// <inheritdoc/>
    public virtual bool IsMark(ReadOnlySpan<byte> attribute) =>
        attribute.StartsWith(_prefix) && (attribute.SequenceEqual(_opaque) || attribute.SequenceEqual(_redirect) || attribute.SequenceEqual(_metacopy));

    /// <inheritdoc/>
    public virtual bool IsOpaque(FileDescriptor directory) => XattrCalls.Find(directory, _opaque) is [(byte)'y'];

    /// <inheritdoc/>
    public virtual bool IsRedirected(FileDescriptor directory) => XattrCalls.Find(directory, _redirect) is not null;

    /// <inheritdoc/>
    public virtual bool IsMetadataOnly(int directory, ReadOnlySpan<byte> name, FileStatus status) =>
        status.Type == NameCalls.TypeRegular && Has(directory, name, _metacopy);

    /// <inheritdoc/>
    public virtual bool IsOwnName(ReadOnlySpan<byte> name) => false;

    /// <summary>An attribute on disk as a layer has it: overlayfs's own are left out, escaped ones get their name back.</summary>
    public virtual ReadOnlySpan<byte> ToLayer(ReadOnlySpan<byte> name)
    {
        if (name.StartsWith(_escape))
            return (byte[])[.. _prefix, .. name[_escape.Length..]];
        return name.StartsWith(_prefix) ? default : EntryReader.HostIndependent(name);
    }

    /// <summary>
    /// A layer's entry as it must lie on disk: what would be a mark is escaped, so that it stays what it is in the layer, an attribute
    /// (Linux 6.7 shows it under its own name again). A layer's attributes must never become marks (CVE-2023-0386 and its kin).
    /// </summary>
    public LayerEntry ToDisk(LayerEntry entry)
    {
        bool any = false;
        foreach (var xattr in entry.Xattrs)
            any |= MustEscape(xattr.Name);
        return any ? Escaped(entry) : entry;
    }

    /// <summary>True if an attribute of a layer would be a mark, or would be taken for an escaped one.</summary>
    protected virtual bool MustEscape(ReadOnlySpan<byte> name) => name.StartsWith(_prefix);

    /// <summary>What such an attribute is called on disk.</summary>
    protected virtual byte[] Escape(ReadOnlySpan<byte> name) => [.. _escape, .. name[_prefix.Length..]];

    private LayerEntry Escaped(LayerEntry entry) => new()
    {
        Path = entry.Path,
        Kind = entry.Kind,
        Mode = entry.Mode,
        Uid = entry.Uid,
        Gid = entry.Gid,
        Mtime = entry.Mtime,
        SizeBytes = entry.SizeBytes,
        LinkTarget = entry.LinkTarget,
        HardLinkTarget = entry.HardLinkTarget,
        DeviceMajor = entry.DeviceMajor,
        DeviceMinor = entry.DeviceMinor,
        Xattrs = entry.Xattrs
            .Select(x => MustEscape(x.Name) ? new Xattr(Escape(x.Name), x.Value) : x)
            .OrderBy(x => x.Name, Comparer<byte[]>.Create((a, b) => a.AsSpan().SequenceCompareTo(b)))
            .ToArray(),
    };

    /// <summary>True for the attribute of a directory that hides the layers below.</summary>
    internal bool IsOpaqueMark(Xattr xattr) => xattr.Name.AsSpan().SequenceEqual(_opaque) && xattr.Value is [(byte)'y'];

    /// <summary>A list of attributes on disk without overlayfs's own; escaped ones stay escaped.</summary>
    internal IReadOnlyList<Xattr> WithoutMarks(IReadOnlyList<Xattr> xattrs) =>
        xattrs.Any(IsMark) ? xattrs.Where(x => !IsMark(x)).ToArray() : xattrs;

    private bool IsMark(Xattr xattr) => xattr.Name.AsSpan().StartsWith(_prefix) && !xattr.Name.AsSpan().StartsWith(_escape);

    private static bool Has(int directory, ReadOnlySpan<byte> name, byte[] attribute)
    {
        Span<byte> value = stackalloc byte[64];
        var errno = XattrCalls.TryGetAt(directory, name, attribute, value, out _);
        return errno is Errno.None or Errno.ERANGE;
    }
}
