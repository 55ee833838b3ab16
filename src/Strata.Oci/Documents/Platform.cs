using System.Globalization;
using System.Runtime.InteropServices;

namespace Strata.Oci;

/// <summary>For which machines an image is: operating system, architecture, and perhaps the architecture's variant, by Go's names.</summary>
/// <remarks>Always in the normal form of containerd's <c>platforms</c> package: <c>x86_64</c> is <c>amd64</c>, <c>arm64/v8</c> is <c>arm64</c>, <c>arm</c> is <c>arm/v7</c>.</remarks>
public sealed record Platform
{
    private Platform(string os, string architecture, string variant)
    {
        Os = os;
        Architecture = architecture;
        Variant = variant;
    }

    /// <summary>This machine's.</summary>
    public static Platform Host { get; } = Normalize("linux", RuntimeInformation.OSArchitecture switch
    {
        System.Runtime.InteropServices.Architecture.X64 => "amd64",
        System.Runtime.InteropServices.Architecture.X86 => "386",
        System.Runtime.InteropServices.Architecture.LoongArch64 => "loong64",
        var other => other.ToString().ToLowerInvariant(), // arm64, arm, riscv64, s390x, ppc64le are called alike
    }, "");

    /// <summary>The operating system: <c>linux</c>.</summary>
    public string Os { get; }

    /// <summary>The architecture: <c>amd64</c>, <c>arm64</c>.</summary>
    public string Architecture { get; }

    /// <summary>The architecture's variant: <c>v7</c>; empty: the usual one.</summary>
    public string Variant { get; }

    /// <summary>Reads <c>OS/ARCH[/VARIANT]</c>, or <c>ARCH</c> alone for Linux.</summary>
    /// <exception cref="StrataException">InvalidArgument: it is no platform.</exception>
    public static Platform Parse(string text)
    {
        string[] parts = text.Split('/');
        if (parts.Length > 3 || !parts.All(IsWord))
            throw StrataException.InvalidArgument($"'{text}' is no platform: expected OS/ARCH or OS/ARCH/VARIANT, such as linux/amd64 or linux/arm/v7.");
        return parts.Length == 1 ? Normalize("linux", parts[0], "") : Normalize(parts[0], parts[1], parts.Length > 2 ? parts[2] : "");
    }

    /// <summary>Makes a platform of what a document says; null: that says too little, or something that can be none.</summary>
    public static Platform? TryMake(string? os, string? architecture, string? variant = null) =>
        IsWord(os) && IsWord(architecture) && (string.IsNullOrEmpty(variant) || IsWord(variant)) ? Normalize(os!, architecture!, variant ?? "") : null;

    /// <summary>What this machine, or whoever asks for this platform, can use, the best first: the platform itself, then lower variants, then what the architecture runs too.</summary>
    /// <param name="otherArchitectures">False: only this architecture.</param>
    public IEnumerable<Platform> Usable(bool otherArchitectures = true)
    {
        yield return this;
        switch (Architecture)
        {
            case "amd64":
                for (int version = VersionOf(Variant) - 1; version >= 1; version--)
                    yield return Normalize(Os, Architecture, Numbered(version));
                if (otherArchitectures)
                    yield return Normalize(Os, "386", "");
                break;
            case "arm":
                for (int version = VersionOf(Variant) - 1; version >= 5; version--)
                    yield return Normalize(Os, Architecture, Numbered(version));
                break;
            case "arm64":
                for (int version = VersionOf(Variant) - 1; version >= 8; version--)
                    yield return Normalize(Os, Architecture, Numbered(version));
                for (int version = 8; otherArchitectures && version >= 5; version--)
                    yield return Normalize(Os, "arm", Numbered(version));
                break;
        }
    }

    /// <summary><c>os/architecture[/variant]</c>.</summary>
    public override string ToString() => Variant.Length == 0 ? $"{Os}/{Architecture}" : $"{Os}/{Architecture}/{Variant}";

    private static Platform Normalize(string os, string architecture, string variant)
    {
        os = os.ToLowerInvariant();
        architecture = architecture.ToLowerInvariant();
        variant = variant.ToLowerInvariant();
        if (os == "macos")
            os = "darwin";
        (architecture, variant) = (architecture, variant) switch
        {
            ("i386", _) => ("386", ""),
            ("x86_64" or "x86-64" or "amd64", "v1" or "") => ("amd64", ""),
            ("x86_64" or "x86-64", _) => ("amd64", variant),
            ("aarch64" or "arm64", "8" or "v8" or "v8.0" or "") => ("arm64", ""),
            ("aarch64", _) => ("arm64", variant),
            ("armhf", _) => ("arm", "v7"),
            ("armel", _) => ("arm", "v6"),
            ("arm", "" or "7") => ("arm", "v7"),
            ("arm", "5" or "6" or "8") => ("arm", "v" + variant),
            _ => (architecture, variant),
        };
        return new Platform(os, architecture, variant);
    }

    private static string Numbered(int version) => "v" + version.ToString(CultureInfo.InvariantCulture);

    /// <summary>The number of <c>v7</c> and <c>v9.2</c>; what has none is of the lowest version.</summary>
    private static int VersionOf(string variant) =>
        variant.StartsWith('v') && int.TryParse(variant.AsSpan(1).ToString().Split('.')[0], NumberStyles.None, CultureInfo.InvariantCulture, out int version) && version < 100 ? version : 0;

    private static bool IsWord(string? text) =>
        text is { Length: > 0 and <= 64 } && char.IsAsciiLetterOrDigit(text[0]) && text.All(c => char.IsAsciiLetterOrDigit(c) || c is '_' or '-' or '.');
}
