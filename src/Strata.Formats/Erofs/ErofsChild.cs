namespace Strata.Formats.Erofs;

/// <summary>An entry of a directory that is being written.</summary>
/// <param name="Name">1 to 255 bytes, no slash, no NUL; not <c>.</c> or <c>..</c>.</param>
/// <param name="Node">The inode that it names.</param>
/// <param name="Kind">The inode's kind: one that a file system has, and not <see cref="EntryKind.HardLink"/> (say what the target is).</param>
public readonly record struct ErofsChild(ReadOnlyMemory<byte> Name, ErofsNode Node, EntryKind Kind);
