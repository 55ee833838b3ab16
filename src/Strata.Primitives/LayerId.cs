using System.Diagnostics.CodeAnalysis;

namespace Strata;

/// <summary>The name of a layer inside a driver (what Docker calls the cache ID): a directory name, never a path.</summary>
/// <remarks>
/// Only well-formed values exist: 1 to 128 of <c>a-z A-Z 0-9 _ . -</c>, the first a letter or digit. That excludes <c>..</c>, slashes, NUL
/// and everything else an ID could be abused for (CVE-2014-9358).
/// </remarks>
public readonly record struct LayerId
{
    private const int MaxLength = 128;
    private readonly string? _text;

    private LayerId(string text) => _text = text;

    /// <summary>True for <c>default</c>, which is no ID.</summary>
    public bool IsDefault => _text is null;

    /// <summary>A new random ID of 64 hexadecimal digits, as Docker's are.</summary>
    /// <remarks>
    /// Of two GUIDs, 122 random bits each from the kernel: .NET's RandomNumberGenerator asks OpenSSL, and loading that costs 5 ms, a third of
    /// what a short command takes.
    /// </remarks>
    public static LayerId New() => new($"{Guid.NewGuid():N}{Guid.NewGuid():N}");

    /// <summary>Reads an ID.</summary>
    /// <exception cref="StrataException">InvalidArgument: it is empty, too long, or holds a character that IDs may not have.</exception>
    public static LayerId Parse(string text) =>
        TryParse(text, out var id)
            ? id
            : throw StrataException.InvalidArgument(
                $"'{(text?.Length > 100 ? text[..100] + "…" : text)}' is not a layer ID: expected 1 to {MaxLength} of a-z A-Z 0-9 _ . -, the first a letter or digit.");

    /// <summary>Reads an ID; false if <paramref name="text"/> is not one.</summary>
    public static bool TryParse([NotNullWhen(true)] string? text, out LayerId id)
    {
        id = default;
        if (string.IsNullOrEmpty(text) || text.Length > MaxLength || !char.IsAsciiLetterOrDigit(text[0]))
            return false;
        foreach (char c in text)
        {
            if (!char.IsAsciiLetterOrDigit(c) && c is not ('_' or '.' or '-'))
                return false;
        }
        id = new LayerId(text);
        return true;
    }

    /// <summary>The ID.</summary>
    public override string ToString() => _text ?? throw new InvalidOperationException("This layer ID was never set.");
}
