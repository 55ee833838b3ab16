using System.Text;

namespace Strata.Store;

/// <summary>The driver's IDs of many layers, by number, as the ASCII that they are: a string takes two and a half times as much.</summary>
/// <param name="capacity">How many are expected.</param>
internal sealed class LayerIdColumn(int capacity)
{
    private const int UsualLength = 64;
    private readonly List<int> _ends = new(capacity);
    private byte[] _text = new byte[capacity * UsualLength];

    internal LayerId this[int number] => LayerId.Parse(Encoding.ASCII.GetString(_text.AsSpan((number == 0 ? 0 : _ends[number - 1]).._ends[number])));

    internal void Add(LayerId id)
    {
        string text = id.ToString();
        int begin = _ends.Count == 0 ? 0 : _ends[^1];
        if (begin + text.Length > _text.Length)
            Array.Resize(ref _text, Math.Max(2 * _text.Length, begin + text.Length));
        _ends.Add(begin + Encoding.ASCII.GetBytes(text, _text.AsSpan(begin)));
    }
}
