using System.Net.Http.Headers;

namespace Strata.Oci.Registries;

/// <summary>How a registry wants to be told who asks (RFC 9110, 11.6.1; distribution's token authentication).</summary>
/// <param name="Scheme"><c>basic</c> or <c>bearer</c>, lower case.</param>
/// <param name="Parameters">Its parameters: realm, service, scope.</param>
internal sealed record Challenge(string Scheme, IReadOnlyDictionary<string, string> Parameters)
{
    private const int MaxParameters = 32;

    /// <summary>The challenge to answer: a bearer's if there is one, else a basic one; null: neither.</summary>
    internal static Challenge? Choose(HttpHeaderValueCollection<AuthenticationHeaderValue> headers)
    {
        var known = headers.Where(h => h.Scheme.ToLowerInvariant() is "basic" or "bearer")
            .Select(h => new Challenge(h.Scheme.ToLowerInvariant(), Read(h.Parameter ?? ""))).ToArray();
        return known.FirstOrDefault(c => c.Scheme == "bearer") ?? known.FirstOrDefault();
    }

    /// <summary><c>name="value", name=value</c>; what can't be read ends it.</summary>
    internal static Dictionary<string, string> Read(string text)
    {
        var parameters = new Dictionary<string, string>(StringComparer.OrdinalIgnoreCase);
        int i = 0;
        while (parameters.Count < MaxParameters)
        {
            while (i < text.Length && text[i] is ' ' or ',' or '\t')
                i++;
            int equals = i < text.Length ? text.IndexOf('=', i) : -1;
            if (equals < 0)
                return parameters;
            string name = text[i..equals].Trim();
            i = equals + 1;
            var value = new System.Text.StringBuilder();
            if (i < text.Length && text[i] == '"')
            {
                for (i++; i < text.Length && text[i] != '"'; i++)
                {
                    if (text[i] == '\\' && i + 1 < text.Length)
                        i++;
                    value.Append(text[i]);
                }
                i++;
            }
            else
            {
                for (; i < text.Length && text[i] != ','; i++)
                    value.Append(text[i]);
            }
            parameters[name] = value.ToString().Trim();
        }
        return parameters;
    }
}
