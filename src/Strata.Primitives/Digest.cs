using System.Buffers;
using System.Diagnostics.CodeAnalysis;

namespace Strata;

/// <summary>A content digest as OCI writes it: <c>sha256:</c> and 64 lower-case hexadecimal digits (or sha512 and 128).</summary>
/// <remarks>
/// Only well-formed values exist, so a digest can be used as a file name: it holds no slash, no dot, nothing but the algorithm, a colon
/// and hexadecimal digits. Source: OCI image-spec, descriptor.md, "Digests".
/// </remarks>
public readonly record struct Digest
{
    private static readonly SearchValues<char> HexDigits = SearchValues.Create("0123456789abcdef");
    private readonly string? _text;

    private Digest(string text) => _text = text;

    /// <summary>True for <c>default</c>, which is no digest.</summary>
    public bool IsDefault => _text is null;

    /// <summary>The algorithm: <c>sha256</c> or <c>sha512</c>.</summary>
    public string Algorithm => Text[..Text.IndexOf(':', StringComparison.Ordinal)];

    /// <summary>The hexadecimal digits, lower case.</summary>
    public string Hex => Text[(Text.IndexOf(':', StringComparison.Ordinal) + 1)..];

    private string Text => _text ?? throw new InvalidOperationException("This digest was never set.");

    /// <summary>Makes a SHA-256 digest of a hash.</summary>
    /// <param name="hash">The 32 bytes of the hash.</param>
    public static Digest Sha256(ReadOnlySpan<byte> hash)
    {
        if (hash.Length != 32)
            throw new ArgumentException($"A SHA-256 hash has 32 bytes, not {hash.Length}.", nameof(hash));
        return new Digest("sha256:" + Convert.ToHexStringLower(hash));
    }

    /// <summary>Reads a digest.</summary>
    /// <exception cref="StrataException">InvalidArgument: it is not a digest, or its algorithm is not known.</exception>
    public static Digest Parse(string text) =>
        TryParse(text, out var digest)
            ? digest
            : throw StrataException.InvalidArgument(
                $"'{Shorten(text)}' is not a digest: expected sha256: and 64 (or sha512: and 128) lower-case hexadecimal digits.");

    /// <summary>Reads a digest; false if <paramref name="text"/> is not one.</summary>
    public static bool TryParse([NotNullWhen(true)] string? text, out Digest digest)
    {
        digest = default;
        if (text is null)
            return false;
        int colon = text.IndexOf(':', StringComparison.Ordinal);
        if (colon < 0)
            return false;
        int wanted = text.AsSpan(0, colon) switch
        {
            "sha256" => 64,
            "sha512" => 128,
            _ => -1,
        };
        var hex = text.AsSpan(colon + 1);
        if (hex.Length != wanted || hex.ContainsAnyExcept(HexDigits))
            return false;
        digest = new Digest(text);
        return true;
    }

    /// <summary>The digest as OCI writes it.</summary>
    public override string ToString() => _text ?? "";

    private static string Shorten(string? text) => text is null ? "" : text.Length <= 100 ? text : text[..100] + "…";
}
