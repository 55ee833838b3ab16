using System.Globalization;

namespace Strata.Bench;

/// <summary>Measured values by row and column; printed as a table of medians and least values.</summary>
internal sealed class Samples
{
    private readonly List<string> _rows = [];
    private readonly List<string> _columns = [];
    private readonly Dictionary<(string, string), List<double>> _values = [];

    internal void Add(string row, string column, double value)
    {
        if (!_rows.Contains(row))
            _rows.Add(row);
        if (!_columns.Contains(column))
            _columns.Add(column);
        if (!_values.TryGetValue((row, column), out var list))
            _values[(row, column)] = list = [];
        list.Add(value);
    }

    internal void Print(string title)
    {
        Console.WriteLine($"\n{title} (median / least of {_values.Values.Max(list => list.Count)})\n\n| | {string.Join(" | ", _columns)} |");
        Console.WriteLine($"|{string.Concat(Enumerable.Repeat("---|", _columns.Count + 1))}");
        foreach (string row in _rows)
            Console.WriteLine($"| {row} | {string.Join(" | ", _columns.Select(column => Show(row, column)))} |");
    }

    private string Show(string row, string column)
    {
        if (!_values.TryGetValue((row, column), out var list))
            return "";
        list.Sort();
        return $"{Show(list[list.Count / 2])} / {Show(list[0])}";
    }

    private static string Show(double value) => value.ToString(value < 10 ? "0.00" : value < 100 ? "0.0" : "0", CultureInfo.InvariantCulture);
}
