using System.Text;
using System.Text.RegularExpressions;

namespace Strata.Store;

/// <summary>A filter of snapshots in containerd's words: conditions parted by commas, all of which must hold.</summary>
/// <remarks>
/// <code>
/// name==foo                                   kind!=view
/// labels."containerd.io/gc.root"              (it is there)
/// labels.app~=^web,parent==""
/// </code>
/// Fields: <c>name</c>, <c>parent</c>, <c>kind</c> (view, active, committed), <c>labels.KEY</c>. Operators: <c>==</c>, <c>!=</c>, <c>~=</c> (a regular
/// expression finds something in it). Fields and values may stand in double quotes, with backslash escapes; the value of <c>~=</c> also in / or |.
/// </remarks>
public sealed class SnapshotFilter
{
    private static readonly TimeSpan RegexTimeout = TimeSpan.FromSeconds(1);
    private readonly List<Condition> _conditions = [];

    private SnapshotFilter()
    {
    }

    private delegate bool Test(string? value);

    /// <summary>Reads a filter. An empty one lets all pass.</summary>
    /// <exception cref="StrataException">InvalidArgument, with what is wrong and where.</exception>
    public static SnapshotFilter Parse(string text)
    {
        var filter = new SnapshotFilter();
        var reader = new Reader(text);
        reader.SkipSpace();
        while (!reader.AtEnd)
        {
            filter._conditions.Add(ReadCondition(reader));
            reader.SkipSpace();
            if (reader.AtEnd)
                break;
            reader.Expect(',');
            reader.SkipSpace();
            if (reader.AtEnd)
                throw reader.Wrong("a condition is missing after the comma");
        }
        return filter;
    }

    /// <summary>True if all conditions hold.</summary>
    public bool Matches(SnapshotRecord snapshot) => _conditions.TrueForAll(condition => condition.Test(ValueOf(snapshot, condition.Field)));

    private static string? ValueOf(SnapshotRecord snapshot, List<string> field) => field[0] switch
    {
        "name" => snapshot.Key,
        "parent" => snapshot.Parent ?? "",
        "kind" => snapshot.Kind switch { SnapshotKind.View => "view", SnapshotKind.Active => "active", _ => "committed" },
        "labels" => snapshot.Labels.GetValueOrDefault(string.Join('.', field.Skip(1))),
        _ => null,
    };

    private static Condition ReadCondition(Reader reader)
    {
        var field = new List<string> { reader.ReadField() };
        while (reader.Take('.'))
            field.Add(reader.ReadField());
        reader.SkipSpace();
        if (reader.Take("=="))
        {
            string wanted = reader.ReadValue(alsoSlashes: false);
            return new Condition(field, value => value == wanted);
        }
        if (reader.Take("!="))
        {
            string refused = reader.ReadValue(alsoSlashes: false);
            return new Condition(field, value => (value ?? "") != refused);
        }
        if (reader.Take("~="))
        {
            var pattern = ReadPattern(reader);
            return new Condition(field, value => pattern.IsMatch(value ?? ""));
        }
        return new Condition(field, value => value is not null);
    }

    private static Regex ReadPattern(Reader reader)
    {
        string text = reader.ReadValue(alsoSlashes: true);
        try
        {
            // Without backtracking: as Go's, it takes no time that explodes.
            return new Regex(text, RegexOptions.NonBacktracking | RegexOptions.CultureInvariant, RegexTimeout);
        }
        catch (Exception e) when (e is ArgumentException or NotSupportedException)
        {
            throw reader.Wrong($"'{text}' is no regular expression that can be used here ({e.Message})");
        }
    }

    private sealed record Condition(List<string> Field, Test Test);

    private sealed class Reader(string text)
    {
        private int _at;

        internal bool AtEnd => _at == text.Length;

        internal void SkipSpace()
        {
            while (!AtEnd && char.IsWhiteSpace(text[_at]))
                _at++;
        }

        internal bool Take(char c)
        {
            if (AtEnd || text[_at] != c)
                return false;
            _at++;
            return true;
        }

        internal bool Take(string word)
        {
            if (!text.AsSpan(_at).StartsWith(word, StringComparison.Ordinal))
                return false;
            _at += word.Length;
            return true;
        }

        internal void Expect(char c)
        {
            if (!Take(c))
                throw Wrong($"expected '{c}'");
        }

        internal string ReadField()
        {
            if (!AtEnd && text[_at] == '"')
                return ReadQuoted('"');
            int begin = _at;
            while (!AtEnd && (char.IsAsciiLetterOrDigit(text[_at]) || text[_at] is '_' or '-'))
                _at++;
            return _at > begin ? text[begin.._at] : throw Wrong("expected a field's name, such as name, parent, kind or labels.\"KEY\"");
        }

        internal string ReadValue(bool alsoSlashes)
        {
            SkipSpace();
            if (!AtEnd && (text[_at] == '"' || (alsoSlashes && text[_at] is '/' or '|')))
                return ReadQuoted(text[_at]);
            int begin = _at;
            while (!AtEnd && text[_at] != ',' && !char.IsWhiteSpace(text[_at]))
                _at++;
            return _at > begin ? text[begin.._at] : throw Wrong("expected a value; an empty one is \"\"");
        }

        internal StrataException Wrong(string what) => StrataException.InvalidArgument($"The filter '{text}' is wrong at character {_at + 1}: {what}.");

        private string ReadQuoted(char quote)
        {
            var value = new StringBuilder();
            for (_at++; !AtEnd; _at++)
            {
                char c = text[_at];
                if (c == quote)
                {
                    _at++;
                    return value.ToString();
                }
                if (c == '\\' && _at + 1 < text.Length && (quote == '"' || text[_at + 1] == quote))
                    c = Unescape(text[++_at]);
                value.Append(c);
            }
            throw Wrong($"a closing {quote} is missing");
        }

        private static char Unescape(char c) => c switch { 'n' => '\n', 't' => '\t', 'r' => '\r', _ => c };
    }
}
