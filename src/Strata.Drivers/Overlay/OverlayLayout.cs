using System.Text;
using Strata.Linux;
using Strata.Trees;

namespace Strata.Drivers.Overlay;

/// <summary>Where things lie: Docker's overlay2 layout, so that Docker's own tools know their way.</summary>
/// <remarks>
/// <code>
/// l/LINK -> ../ID/diff      short names (26 characters), so that many fit into mount options
/// ID/diff/                  what the layer holds: the upper directory of a writable layer; a link, if the layer lies in another home
/// ID/link                   LINK; a writable layer gets its own when a layer is made on it
/// ID/lower                  l/LINK:l/LINK, the layers below, nearest first; not there without a parent
/// ID/lower-of-children  what the lower of each child holds, made with the first child: the others' are hard links to it
/// ID/work, ID/merged        overlayfs's own directory; the mount point while mounted
/// ID/committed              empty: the layer has children, and is mounted read-only from then on
/// ID/inherits-root          empty: the layer's tar lists no root, so its root directory has yet to get the attributes of its parent's
/// ID/root/                  of a layer whose diff is a link into another home: a directory with the attributes of its root, when those are not there
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

    internal string OwnRoot(LayerId id) => Path.Combine(home, id.ToString(), "root");

    internal static string NewLink()
    {
        Span<char> text = stackalloc char[LinkLength];
        // The bytes of a random ID (see there why not OpenSSL's), five bits a character.
        byte[] random = Convert.FromHexString(LayerId.New().ToString());
        for (int i = 0; i < LinkLength; i++)
            text[i] = Alphabet[random[i] & 31];
        return new string(text);
    }

    /// <summary>The layer's own short name, made if it has none.</summary>
    /// <remarks>The file is linked to its place when it is whole: of two processes that make it at once, one's stays.</remarks>
    /// <exception cref="StrataException">Corrupt: the file is damaged.</exception>
    internal string GetLink(LayerId id)
    {
        if (ReadFile(id, "link") is { } there)
            return there.Length == LinkLength && IsLink(there) ? there : throw Damaged(id, "link");
        string link = NewLink();
        string name = Path.Combine(home, id.ToString(), "link");
        string made = $"{name}.{link}";
        MakeShortName(link, id); // first: a short name that no file tells dangles once the layer is gone, and is swept
        SmallFile.Create(made, Encoding.ASCII.GetBytes(link));
        var errno = NameCalls.TryRename(FileCalls.CurrentDirectory, Encoding.UTF8.GetBytes(made), FileCalls.CurrentDirectory, Encoding.UTF8.GetBytes(name), NameCalls.RenameNoReplace);
        if (errno == Errno.None)
            return link;
        File.Delete(made);
        File.Delete(Path.Combine(Links, link));
        return errno == Errno.EEXIST ? GetLink(id) : throw new LinuxException(errno, "rename", made);
    }

    /// <summary>Makes a short name point at a layer, which need not be there yet.</summary>
    internal void MakeShortName(string link, LayerId id) => File.CreateSymbolicLink(Path.Combine(Links, link), $"../{id}/diff");

    /// <summary>The layer's own short name, as a driver makes them; null if the file is damaged or there is none.</summary>
    internal string? FindLink(LayerId id) => ReadFile(id, "link") is { Length: LinkLength } link && IsLink(link) ? link : null;

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

    /// <summary>Writes the file <c>lower</c> of a layer that is being made.</summary>
    /// <remarks>
    /// It holds the same for all children of a parent, so they share one by hard links: a new file of data would have to be written out before
    /// overlayfs, which syncs the upper file system, returns from its unmount. Nothing ever writes into it.
    /// </remarks>
    internal void WriteLower(string path, LayerId parent)
    {
        byte[] lowers = Encoding.ASCII.GetBytes(string.Join(':', ReadLowers(parent).Prepend(GetLink(parent)).Select(lower => "l/" + lower)));
        string shared = Path.Combine(home, parent.ToString(), "lower-of-children");
        byte[] sharedName = Encoding.UTF8.GetBytes(shared);
        byte[] name = Encoding.UTF8.GetBytes(path);
        byte[]? there = SmallFile.Read(shared);
        if (there is not null && !there.AsSpan().SequenceEqual(lowers))
        {
            _ = NameCalls.TryUnlink(FileCalls.CurrentDirectory, sharedName); // torn by a power cut
            there = null;
        }
        // Not to be linked: as many links as the file system allows, or one that knows none. Then it is a file of its own.
        if (there is not null && NameCalls.TryLink(FileCalls.CurrentDirectory, sharedName, FileCalls.CurrentDirectory, name) == Errno.None)
            return;
        SmallFile.Create(path, lowers);
        if (there is null)
            _ = NameCalls.TryLink(FileCalls.CurrentDirectory, name, FileCalls.CurrentDirectory, sharedName);
    }

    /// <summary>The layer that a short name belongs to.</summary>
    internal LayerId Resolve(string link)
    {
        string path = Path.Combine(Links, link);
        var errno = NameCalls.TryReadLink(FileCalls.CurrentDirectory, Encoding.UTF8.GetBytes(path), out byte[] target);
        return errno == Errno.None && target.AsSpan() is [(byte)'.', (byte)'.', (byte)'/', .. var id, (byte)'/', (byte)'d', (byte)'i', (byte)'f', (byte)'f'] && LayerId.TryParse(Encoding.ASCII.GetString(id), out var found)
            ? found
            : throw StrataException.Corrupt($"The short name {path} is missing or points at no layer. Run strata check --repair, which makes it anew.");
    }

    private string? ReadFile(LayerId id, string name)
    {
        try
        {
            byte[]? bytes = SmallFile.Read(Path.Combine(home, id.ToString(), name));
            return bytes is null ? null : Encoding.ASCII.GetString(bytes);
        }
        catch (LinuxException e) when (e.Errno == Errno.EISDIR)
        {
            return ""; // as wrong as a file that is empty
        }
    }

    private static bool IsLink(string text) => text.Length is > 0 and <= 255 && text.All(char.IsAsciiLetterOrDigit);

    private StrataException Damaged(LayerId id, string file) =>
        StrataException.Corrupt($"Layer {id} is damaged: {Path.Combine(home, id.ToString(), file)} is missing, empty or wrong. Remove the layer and load its image again.");
}
