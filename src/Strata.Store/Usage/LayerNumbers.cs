namespace Strata.Store;

/// <summary>
/// Layers by number, and the numbers by chain ID: for looking at all of a store at once, which may be 100,000. A layer takes 40 bytes here and 8 to 16 in the
/// index; a dictionary takes three times as much, twice while it grows.
/// </summary>
/// <param name="capacity">How many are expected.</param>
internal sealed class LayerNumbers(int capacity)
{
    private readonly List<ChainId> _chainIds = new(capacity);
    private int[] _slots = new int[SlotsFor(capacity)]; // of a hash table with linear probing: numbers from 1 on; 0: none

    internal int Count => _chainIds.Count;

    /// <summary>Who has a number.</summary>
    internal ChainId this[int number] => _chainIds[number];

    /// <summary>The number of a layer; -1 if there is none.</summary>
    internal int Find(ChainId? chain) => chain is { } wanted ? _slots[SlotOf(wanted)] - 1 : -1;

    /// <summary>Gives a layer, which has none, the next number.</summary>
    internal void Add(ChainId chain)
    {
        _chainIds.Add(chain);
        if (2 * Count > _slots.Length)
        {
            _slots = new int[SlotsFor(Count)];
            for (int i = 0; i < Count - 1; i++)
                _slots[SlotOf(_chainIds[i])] = i + 1;
        }
        _slots[SlotOf(chain)] = Count;
    }

    private static int SlotsFor(int count) => (int)System.Numerics.BitOperations.RoundUpToPowerOf2((uint)Math.Max(2 * count, 16));

    /// <summary>Where it is, or the free slot where it would be.</summary>
    private int SlotOf(ChainId chain)
    {
        int slot = chain.GetHashCode() & (_slots.Length - 1);
        while (_slots[slot] != 0 && _chainIds[_slots[slot] - 1] != chain)
            slot = (slot + 1) & (_slots.Length - 1);
        return slot;
    }
}
