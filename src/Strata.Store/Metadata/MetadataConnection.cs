using Microsoft.Data.Sqlite;

namespace Strata.Store.Metadata;

/// <summary>A connection that keeps its statements: parsing one takes longer than running it. For one thread at a time.</summary>
internal sealed class MetadataConnection(string text) : SqliteConnection(text)
{
    private const int MostKept = 64;
    private readonly Dictionary<string, SqliteCommand> _kept = new(StringComparer.Ordinal);

    /// <summary>A statement that was run before and that nobody runs just now; null: there is none.</summary>
    internal SqliteCommand? Take(string text) => _kept.Remove(text, out var command) ? command : null;

    /// <summary>Keeps a statement. False: it is the caller's to dispose; of several statements in one text a later one may need what an earlier one makes.</summary>
    internal bool Keep(SqliteCommand command)
    {
        if (_kept.Count >= MostKept || command.CommandText.Contains(';', StringComparison.Ordinal))
            return false;
        command.Transaction = null;
        command.Prepare(); // does nothing the second time
        return _kept.TryAdd(command.CommandText, command);
    }
}
