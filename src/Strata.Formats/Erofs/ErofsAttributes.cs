namespace Strata.Formats.Erofs;

/// <summary>What all inodes have.</summary>
/// <param name="Mode">Permission bits with setuid, setgid and sticky: 0 to 07777.</param>
/// <param name="Uid">The owner's number.</param>
/// <param name="Gid">The group's number.</param>
/// <param name="Mtime">The time of the last modification; EROFS has no other.</param>
/// <param name="Xattrs">Extended attributes, each name once; see <see cref="ErofsImageWriter.CanStore"/>.</param>
public readonly record struct ErofsAttributes(int Mode, uint Uid, uint Gid, FileTime Mtime, IReadOnlyList<Xattr> Xattrs);
