namespace Strata.Formats.Erofs;

/// <summary>An inode of an image, by its number: its place in steps of 32 bytes, counted from the start of the image's metadata.</summary>
/// <param name="Nid">The number; st_ino of the mounted file.</param>
public readonly record struct ErofsNode(ulong Nid);
