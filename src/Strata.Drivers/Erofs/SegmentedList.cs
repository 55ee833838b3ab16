namespace Strata.Drivers.Erofs;

/// <summary>A list in segments of fixed size: it grows without copying, so that its peak is what it holds.</summary>
internal sealed class SegmentedList<T>
    where T : struct
{
    private const int SegmentBits = 12;
    private const int SegmentLength = 1 << SegmentBits;
    private readonly List<T[]> _segments = [];

    internal int Count { get; private set; }

    /// <summary>The element itself, to be read and changed in place.</summary>
    internal ref T this[int index] => ref _segments[index >> SegmentBits][index & (SegmentLength - 1)];

    /// <summary>Adds an element; returns its index.</summary>
    internal int Add(in T value)
    {
        if (Count == _segments.Count << SegmentBits)
            _segments.Add(new T[SegmentLength]);
        int index = Count++;
        this[index] = value;
        return index;
    }
}
