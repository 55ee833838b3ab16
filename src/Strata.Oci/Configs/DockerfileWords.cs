using System.Text;

namespace Strata.Oci;

/// <summary>The Dockerfile's rules for words: quotes, backslashes, variables.</summary>
internal static class DockerfileWords
{
    /// <summary>Splits a text at blanks that are neither quoted nor escaped. Quotes and backslashes stay.</summary>
    internal static List<string> Split(string text)
    {
        var words = new List<string>();
        var word = new StringBuilder();
        char quote = '\0';
        for (int i = 0; i < text.Length; i++)
        {
            char c = text[i];
            if (c == '\\' && quote != '\'' && i + 1 < text.Length)
            {
                word.Append(c).Append(text[++i]);
                continue;
            }
            if (quote == '\0' && char.IsWhiteSpace(c))
            {
                if (word.Length > 0)
                    words.Add(word.ToString());
                word.Clear();
                continue;
            }
            if (quote == c)
                quote = '\0';
            else if (quote == '\0' && c is '"' or '\'')
                quote = c;
            word.Append(c);
        }
        if (quote != '\0')
            throw StrataException.InvalidArgument($"In '{text}' a {quote} is not closed.");
        if (word.Length > 0)
            words.Add(word.ToString());
        return words;
    }

    /// <summary>Takes quotes and backslashes away, and puts variables' values in: <c>$A</c>, <c>${A}</c>, <c>${A:-else}</c>, <c>${A:+instead}</c>.</summary>
    /// <param name="word">The word.</param>
    /// <param name="variable">A variable's value, or null.</param>
    internal static string Expand(string word, Func<string, string?> variable)
    {
        int at = 0;
        return Expand(word, ref at, end: '\0', variable, depth: 0);
    }

    private static string Expand(string text, ref int at, char end, Func<string, string?> variable, int depth)
    {
        const int MaxDepth = 32;
        if (depth > MaxDepth)
            throw StrataException.InvalidArgument($"'{text}' nests variables too deep.");
        var value = new StringBuilder();
        char quote = '\0';
        for (; at < text.Length && (quote != '\0' || end == '\0' || text[at] != end); at++)
        {
            char c = text[at];
            if (c == '\'' && quote != '"')
                quote = quote == '\'' ? '\0' : '\'';
            else if (quote == '\'')
                value.Append(c);
            else if (c == '"')
                quote = quote == '"' ? '\0' : '"';
            else if (c == '\\' && at + 1 < text.Length)
                AppendEscaped(value, text[++at], quote);
            else if (c == '$' && at + 1 < text.Length && (text[at + 1] == '{' || IsNameStart(text[at + 1])))
                value.Append(Variable(text, ref at, variable, depth));
            else
                value.Append(c);
        }
        if (end != '\0' && at >= text.Length)
            throw StrataException.InvalidArgument($"In '{text}' a {end} is missing.");
        return value.ToString();
    }

    /// <summary>Inside double quotes a backslash means something before some characters only.</summary>
    private static void AppendEscaped(StringBuilder value, char c, char quote)
    {
        if (quote == '"' && c is not ('"' or '$' or '\\'))
            value.Append('\\');
        value.Append(c);
    }

    /// <summary>Stands at the dollar before, and at the variable's last character after.</summary>
    private static string Variable(string text, ref int at, Func<string, string?> variable, int depth)
    {
        bool braces = text[at + 1] == '{';
        int start = at + (braces ? 2 : 1);
        int stop = start;
        while (stop < text.Length && IsName(text[stop]))
            stop++;
        string name = text[start..stop];
        if (!braces)
        {
            at = stop - 1;
            return variable(name) ?? "";
        }
        if (name.Length == 0 || stop >= text.Length)
            throw StrataException.InvalidArgument($"'{text}' holds a variable without a name or an end.");
        if (text[stop] == '}')
        {
            at = stop;
            return variable(name) ?? "";
        }
        if (text[stop] != ':' || stop + 1 >= text.Length || text[stop + 1] is not ('-' or '+'))
            throw StrataException.InvalidArgument($"'{text}' holds a form of a variable that is not known; ${{A}}, ${{A:-else}} and ${{A:+instead}} are.");
        bool alternative = text[stop + 1] == '+';
        at = stop + 2;
        string other = Expand(text, ref at, '}', variable, depth + 1);
        string? value = variable(name) is { Length: > 0 } found ? found : null;
        return alternative ? (value is null ? "" : other) : value ?? other;
    }

    private static bool IsNameStart(char c) => char.IsAsciiLetter(c) || c == '_';

    private static bool IsName(char c) => char.IsAsciiLetterOrDigit(c) || c == '_';
}
