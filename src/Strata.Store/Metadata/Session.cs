using System.Globalization;
using Microsoft.Data.Sqlite;

namespace Strata.Store.Metadata;

/// <summary>Statements inside one read or one transaction. Parameters are $1, $2, …</summary>
internal readonly struct Session(SqliteConnection connection, SqliteTransaction? transaction)
{
    internal int Run(string text, params object?[] values)
    {
        using var command = Prepare(text, values);
        return command.ExecuteNonQuery();
    }

    internal long Count(string text, params object?[] values)
    {
        using var command = Prepare(text, values);
        return Convert.ToInt64(command.ExecuteScalar(), CultureInfo.InvariantCulture);
    }

    internal List<T> List<T>(string text, Func<SqliteDataReader, T> row, params object?[] values)
    {
        using var command = Prepare(text, values);
        using var reader = command.ExecuteReader();
        var rows = new List<T>();
        while (reader.Read())
            rows.Add(row(reader));
        return rows;
    }

    /// <summary>The rows that can be read; a damaged one is left out, so that it keeps no other one from being seen. Check finds it.</summary>
    internal List<T> ListWhole<T>(string text, Func<SqliteDataReader, T> row, params object?[] values)
        where T : class =>
        List(text, reader =>
        {
            try
            {
                return row(reader);
            }
            catch (Exception e) when (e is StrataException or InvalidOperationException or InvalidCastException or FormatException or ArgumentException or OverflowException)
            {
                return null;
            }
        }, values).Where(found => found is not null).ToList()!;

    private SqliteCommand Prepare(string text, object?[] values)
    {
        var command = connection.CreateCommand();
        command.Transaction = transaction;
        command.CommandText = text;
        for (int i = 0; i < values.Length; i++)
            command.Parameters.AddWithValue("$" + (i + 1).ToString(CultureInfo.InvariantCulture), values[i] ?? DBNull.Value);
        return command;
    }
}
