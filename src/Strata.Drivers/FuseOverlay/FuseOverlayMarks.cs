using Strata.Drivers.Overlay;
using Strata.Linux;
using Strata.Trees;

namespace Strata.Drivers.FuseOverlay;

/// <summary>fuse-overlayfs's marks and what they are called in a layer.</summary>
/// <remarks>
/// Removals are character devices 0:0, as overlayfs's. For an opaque directory it reads the attribute <c>opaque</c> of three prefixes and a file
/// <c>.wh..wh..opq</c>, and writes one or the other, and the file. It hides all attributes of these prefixes, and knows no escape for them; so a
/// layer's own are kept under <c>trusted.strata.</c> and <c>user.strata.</c>, where a container sees them.
/// </remarks>
internal sealed class FuseOverlayMarks() : OverlayMarks(userXattr: true)
{
    private static ReadOnlySpan<byte> OpaqueName => "user.fuseoverlayfs.opaque"u8;

    private static ReadOnlySpan<byte> OpaqueFile => ".wh..wh..opq"u8;

    private static ReadOnlySpan<byte> Trusted => "trusted."u8;

    private static ReadOnlySpan<byte> User => "user."u8;

    private static ReadOnlySpan<byte> Own => "strata."u8;

    public override Xattr OpaqueMark => new(OpaqueName.ToArray(), "y"u8.ToArray());

    public override bool IsRemoval(int directory, ReadOnlySpan<byte> name, FileStatus status) =>
        status is { Type: NameCalls.TypeCharDevice, RdevMajor: 0, RdevMinor: 0 };

    /// <summary>An opaque directory may be told by a file alone, so every directory may have a mark.</summary>
    public override bool IsMark(ReadOnlySpan<byte> attribute) => IsProgrammes(attribute);

    public override bool IsOpaque(FileDescriptor directory) =>
        XattrCalls.Find(directory, OpaqueName) is [(byte)'y'] || XattrCalls.Find(directory, "user.overlay.opaque"u8) is [(byte)'y']
        || XattrCalls.Find(directory, "trusted.overlay.opaque"u8) is [(byte)'y'] || AttributeCalls.TryStat(directory.Number, OpaqueFile, out _) == Errno.None;

    public override bool IsRedirected(FileDescriptor directory) => false;

    public override bool IsMetadataOnly(int directory, ReadOnlySpan<byte> name, FileStatus status) => false;

    public override bool IsOwnName(ReadOnlySpan<byte> name) => name.SequenceEqual(OpaqueFile);

    public override ReadOnlySpan<byte> ToLayer(ReadOnlySpan<byte> name)
    {
        if (IsProgrammes(name))
            return default;
        foreach (var space in (byte[][])[Trusted.ToArray(), User.ToArray()])
        {
            if (name.StartsWith(space) && name[space.Length..].StartsWith(Own))
                return (byte[])[.. space, .. name[(space.Length + Own.Length)..]];
        }
        return EntryReader.HostIndependent(name);
    }

    protected override bool MustEscape(ReadOnlySpan<byte> name) =>
        IsProgrammes(name) || (name.StartsWith(Trusted) && name[Trusted.Length..].StartsWith(Own)) || (name.StartsWith(User) && name[User.Length..].StartsWith(Own));

    protected override byte[] Escape(ReadOnlySpan<byte> name)
    {
        var space = name.StartsWith(Trusted) ? Trusted : User;
        return [.. space, .. Own, .. name[space.Length..]];
    }

    private static bool IsProgrammes(ReadOnlySpan<byte> name) =>
        name.StartsWith("user.fuseoverlayfs."u8) || name.StartsWith("user.overlay."u8) || name.StartsWith("trusted.overlay."u8) || name.StartsWith("security.fuseoverlayfs."u8);
}
