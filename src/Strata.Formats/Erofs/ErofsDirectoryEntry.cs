namespace Strata.Formats.Erofs;

/// <summary>An entry of a directory that was read.</summary>
/// <param name="Name">1 to 255 bytes, no slash, no NUL.</param>
/// <param name="Node">The inode that it names.</param>
/// <param name="Kind">What the directory says that the inode is.</param>
public readonly record struct ErofsDirectoryEntry(byte[] Name, ErofsNode Node, EntryKind Kind)
{
    /// <summary>True for <c>.</c> and <c>..</c>.</summary>
    public bool IsDot => Name.AsSpan().SequenceEqual("."u8) || Name.AsSpan().SequenceEqual(".."u8);
}
