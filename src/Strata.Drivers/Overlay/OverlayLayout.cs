using System.Text;

namespace Strata.Drivers.Overlay;

/// <summary>Where things lie: Docker's overlay2 layout, so that Docker's own tools know their way.</summary>
/// <remarks>
/// <code>
/// l/LINK -> ../ID/diff      short names (26 characters), so that many fit into mount options
/// ID/diff/                  what the layer holds: the upper directory of a writable layer
/// ID/link                   LINK
/// ID/lower                  l/LINK:l/LINK, the layers below, nearest first; not there without a parent
/// ID/work, ID/merged        overlayfs's own directory; the mount point while mounted
/// ID/committed              empty: the layer has children, and is mounted read-only from then on
/// ID/inherits-root          empty: the layer's tar lists no root, so its root directory has yet to get the attributes of its parent's
/// ID/displaced/             files of the layer's tar that a later entry of the same tar replaced
/// </code>
/// </remarks>
internal sealed class OverlayLayout(string home)
{
    private const string Alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    private const int LinkLength = 26;

    internal string Links { get; } = Path.Combine(home, "l");

    internal string Of(LayerId id) => Path.Combine(home, id.ToString());

    internal string Diff(LayerId id) => Path.Combine(home, id.ToString(), "diff");

    internal string Work(LayerId id) => Path.Combine(home, id.ToString(), "work");

    internal string Merged(LayerId id) => Path.Combine(home, id.ToString(), "merged");

    internal string Displaced(LayerId id) => Path.Combine(home, id.ToString(), "displaced");

    internal string Committed(LayerId id) => Path.Combine(home, id.ToString(), "committed");

    internal string InheritsRoot(LayerId id) => Path.Combine(home, id.ToString(), "inherits-root");

    internal static string NewLink()
    {
        Span<char> text = stackalloc char[LinkLength];
        // The bytes of a random ID (see there why not OpenSSL's), five bits a character.
        byte[] random = Convert.FromHexString(LayerId.New().ToString());
        for (int i = 0; i < LinkLength; i++)
            text[i] = Alphabet[random[i] & 31];
        return new string(text);
    }

    /// <summary>The layer's own short name.</summary>
    /// <exception cref="StrataException">Corrupt: the file is missing or holds none.</exception>
    internal string ReadLink(LayerId id) => ReadFile(id, "link") is { Length: LinkLength } link && IsLink(link)
        ? link
        : throw Damaged(id, "link");

    /// <summary>The layer's own short name; empty if the file is damaged: what is damaged must still be removable.</summary>
    internal string ReadLinkIfAny(LayerId id) => ReadFile(id, "link") is { } link && IsLink(link) ? link : "";

    /// <summary>The short names of the layers below, nearest first; none without a parent.</summary>
    internal IReadOnlyList<string> ReadLowers(LayerId id)
    {
        string? text = ReadFile(id, "lower");
        if (text is null)
            return [];
        string[] lowers = text.TrimEnd('\n').Split(':');
        for (int i = 0; i < lowers.Length; i++)
        {
            string lower = lowers[i];
            if (!lower.StartsWith("l/", StringComparison.Ordinal) || !IsLink(lower[2..]))
                throw Damaged(id, "lower");
            lowers[i] = lower[2..];
        }
        return lowers;
    }

    /// <summary>The layer that a short name belongs to.</summary>
    internal LayerId Resolve(string link)
    {
        string? target = new FileInfo(Path.Combine(Links, link)).LinkTarget;
        return target is not null && target.Split('/') is ["..", var id, "diff"] && LayerId.TryParse(id, out var found)
            ? found
            : throw StrataException.Corrupt($"The short name {Path.Combine(Links, link)} is missing or points at no layer.");
    }

    private string? ReadFile(LayerId id, string name)
    {
        string path = Path.Combine(home, id.ToString(), name);
        try
        {
            return File.ReadAllText(path, Encoding.ASCII);
        }
        catch (FileNotFoundException)
        {
            return null;
        }
    }

    private static bool IsLink(string text) => text.Length is > 0 and <= 255 && text.All(char.IsAsciiLetterOrDigit);

    private StrataException Damaged(LayerId id, string file) =>
        StrataException.Corrupt($"Layer {id} is damaged: {Path.Combine(home, id.ToString(), file)} is missing, empty or wrong. Remove the layer and load its image again.");
}
