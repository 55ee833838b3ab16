namespace Strata.Formats.Erofs;

/// <summary>An extra device of an image.</summary>
/// <param name="Tag">What names its content: up to 64 bytes, trailing NULs dropped.</param>
/// <param name="Blocks">How many blocks of the image's size it has; 0: it is not told (mkfs.erofs 1.5 does not), and nothing is checked against it.</param>
/// <param name="MappedBlock">The block at which it starts where all devices are seen as one; 0: it is not part of that.</param>
public sealed record ErofsDevice(ReadOnlyMemory<byte> Tag, uint Blocks, uint MappedBlock);
