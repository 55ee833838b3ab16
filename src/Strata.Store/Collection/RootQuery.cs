namespace Strata.Store;

/// <summary>One reason to keep something: a column whose rows name what is kept.</summary>
/// <param name="What">Who keeps it, in words for a message: <c>image</c>.</param>
/// <param name="Table">The table.</param>
/// <param name="Key">The column that names what is kept; null there keeps nothing.</param>
/// <param name="Owner">The column that names who keeps it.</param>
/// <param name="Where">Which rows count; null: all.</param>
internal sealed record RootQuery(string What, string Table, string Key, string Owner, string? Where = null)
{
    private string And => Where is null ? "" : $" AND {Where}";

    /// <summary>All that is kept, in one column.</summary>
    internal string All => $"SELECT {Key} FROM {Table} WHERE {Key} IS NOT NULL{And}";

    /// <summary>Who keeps the key <c>$1</c>, in words.</summary>
    internal string UserOf => $"SELECT '{What} ' || {Owner} FROM {Table} WHERE {Key}=$1{And} LIMIT 1";

    /// <summary>True if nobody keeps something.</summary>
    /// <param name="key">An expression that gives its key.</param>
    /// <param name="but">An expression that gives an owner who does not count, if it is this table's; null: all count.</param>
    internal string Unused(string key, string? but = null) =>
        $"NOT EXISTS (SELECT 1 FROM {Table} WHERE {Table}.{Key} = {key}{And}{(but is null ? "" : $" AND {Table}.{Owner} <> {but}")})";
}
