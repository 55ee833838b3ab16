namespace Strata.Drivers.Btrfs;

/// <summary>Names in the order of their bytes.</summary>
internal sealed class ByBytes : IComparer<byte[]>
{
    internal static readonly ByBytes Instance = new();

    public int Compare(byte[]? x, byte[]? y) => x.AsSpan().SequenceCompareTo(y);
}
