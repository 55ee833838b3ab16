using System.Globalization;
using Microsoft.Data.Sqlite;

namespace Strata.Store.Metadata;

/// <summary>Statements inside one read or one transaction. Parameters are $1, $2, …</summary>
internal readonly struct Session(SqliteConnection connection, SqliteTransaction? transaction)
{
    internal int Run(string text, params object?[] values) => Use(text, values, command => command.ExecuteNonQuery());

    internal long Count(string text, params object?[] values) => Use(text, values, command => Convert.ToInt64(command.ExecuteScalar(), CultureInfo.InvariantCulture));

    internal List<T> List<T>(string text, Func<SqliteDataReader, T> row, params object?[] values) => Use(text, values, command =>
    {
        using var reader = command.ExecuteReader();
        var rows = new List<T>();
        while (reader.Read())
            rows.Add(row(reader));
        return rows;
    });

    /// <summary>The rows that can be read; a damaged one is left out, so that it keeps no other one from being seen. Check finds it.</summary>
    internal List<T> ListWhole<T>(string text, Func<SqliteDataReader, T> row, params object?[] values)
        where T : class
    {
        var rows = new List<T>();
        EachWhole(text, reader => rows.Add(row(reader)), values);
        return rows;
    }

    /// <summary>Calls for each row that can be read; the call does nothing before it has read all of it.</summary>
    internal void EachWhole(string text, Action<SqliteDataReader> row, params object?[] values)
    {
        using var command = Prepare(text, values);
        using var reader = command.ExecuteReader();
        while (reader.Read())
        {
            try
            {
                row(reader);
            }
            catch (Exception e) when (e is StrataException or InvalidOperationException or InvalidCastException or FormatException or ArgumentException or OverflowException)
            {
                // left out
            }
        }
    }

    private SqliteCommand Prepare(string text, object?[] values)
    {
        var command = (connection as MetadataConnection)?.Take(text);
        if (command is null)
        {
            command = connection.CreateCommand();
            command.CommandText = text;
            for (int i = 0; i < values.Length; i++)
                command.Parameters.AddWithValue("$" + (i + 1).ToString(CultureInfo.InvariantCulture), null);
        }
        command.Transaction = transaction;
        for (int i = 0; i < values.Length; i++)
            command.Parameters[i].Value = values[i] ?? DBNull.Value;
        return command;
    }

    /// <summary>Runs a statement; one that succeeded is kept for the next time.</summary>
    private T Use<T>(string text, object?[] values, Func<SqliteCommand, T> use)
    {
        var command = Prepare(text, values);
        bool kept = false;
        try
        {
            var result = use(command);
            kept = connection is MetadataConnection keeping && keeping.Keep(command);
            return result;
        }
        finally
        {
            if (!kept)
                command.Dispose();
        }
    }
}
