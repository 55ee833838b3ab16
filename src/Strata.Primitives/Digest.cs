using System.Buffers;
using System.Diagnostics.CodeAnalysis;
using System.Runtime.InteropServices;

namespace Strata;

/// <summary>A content digest as OCI writes it: <c>sha256:</c> and 64 lower-case hexadecimal digits (or sha512 and 128).</summary>
/// <remarks>
/// Only well-formed values exist, so a digest can be used as a file name: it holds no slash, no dot, nothing but the algorithm, a colon
/// and hexadecimal digits. Source: OCI image-spec, descriptor.md, "Digests".
/// Kept as the bytes of the hash, not as text: a store of 100,000 layers has some hundred thousand of them in memory while it is measured.
/// </remarks>
public readonly record struct Digest
{
    private const int Sha256Bytes = 32, Sha512Bytes = 64;
    private const string Sha256Prefix = "sha256:", Sha512Prefix = "sha512:";
    private static readonly SearchValues<char> HexDigits = SearchValues.Create("0123456789abcdef");
    private static readonly Rest NoRest = new(Is512: false, default);
    private readonly Half _first;
    private readonly Rest? _rest; // null: no digest; NoRest: sha256

    private Digest(ReadOnlySpan<byte> hash)
    {
        _first = MemoryMarshal.Read<Half>(hash);
        _rest = hash.Length == Sha256Bytes ? NoRest : new Rest(Is512: true, MemoryMarshal.Read<Half>(hash[Sha256Bytes..]));
    }

    /// <summary>True for <c>default</c>, which is no digest.</summary>
    public bool IsDefault => _rest is null;

    /// <summary>The algorithm: <c>sha256</c> or <c>sha512</c>.</summary>
    public string Algorithm => IsSha256 ? "sha256" : "sha512";

    /// <summary>The hexadecimal digits, lower case.</summary>
    public string Hex => ToText("");

    private bool IsSha256 => !(_rest ?? throw new InvalidOperationException("This digest was never set.")).Is512;

    /// <summary>Makes a SHA-256 digest of a hash.</summary>
    /// <param name="hash">The 32 bytes of the hash.</param>
    public static Digest Sha256(ReadOnlySpan<byte> hash)
    {
        if (hash.Length != Sha256Bytes)
            throw new ArgumentException($"A SHA-256 hash has 32 bytes, not {hash.Length}.", nameof(hash));
        return new Digest(hash);
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
            "sha256" => Sha256Bytes,
            "sha512" => Sha512Bytes,
            _ => -1,
        };
        var hex = text.AsSpan(colon + 1);
        if (wanted < 0 || hex.Length != wanted * 2 || hex.ContainsAnyExcept(HexDigits))
            return false;
        Span<byte> hash = stackalloc byte[wanted];
        Convert.FromHexString(hex, hash, out _, out _);
        digest = new Digest(hash);
        return true;
    }

    /// <summary>The digest as OCI writes it.</summary>
    public override string ToString() => IsDefault ? "" : ToText(IsSha256 ? Sha256Prefix : Sha512Prefix);

    private string ToText(string prefix)
    {
        Span<byte> hash = stackalloc byte[IsSha256 ? Sha256Bytes : Sha512Bytes];
        MemoryMarshal.Write(hash, _first);
        if (!IsSha256)
            MemoryMarshal.Write(hash[Sha256Bytes..], _rest!.Second);
        Span<char> text = stackalloc char[Sha512Prefix.Length + 2 * Sha512Bytes];
        prefix.CopyTo(text);
        Convert.TryToHexStringLower(hash, text[prefix.Length..], out int digits);
        return new string(text[..(prefix.Length + digits)]);
    }

    private static string Shorten(string? text) => text is null ? "" : text.Length <= 100 ? text : text[..100] + "…";

    private readonly record struct Half(ulong A, ulong B, ulong C, ulong D);

    /// <summary>What a SHA-512 hash has more than a SHA-256 one; rare, so it is elsewhere.</summary>
    private sealed record Rest(bool Is512, Half Second);
}
