namespace Strata.Formats.Erofs;

/// <summary>A stretch of a file's data and where it lies. What no extent covers is a hole.</summary>
/// <param name="FileOffsetBytes">Where it starts in the file.</param>
/// <param name="LengthBytes">How long it is.</param>
/// <param name="Device">Where it lies: 0 the image itself, else an extra device, counted from 1.</param>
/// <param name="DeviceOffsetBytes">Where it starts there.</param>
public readonly record struct ErofsExtent(long FileOffsetBytes, long LengthBytes, int Device, long DeviceOffsetBytes);
