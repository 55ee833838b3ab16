using System.Text;
using Strata.Linux;
using Strata.Trees;

namespace Strata.Drivers.Overlay;

/// <content>What the driver keeps of a layer's place: short name, list of lowers. All of it can be written anew.</content>
public sealed partial class OverlayDriver : ILayerStructure
{
    /// <inheritdoc/>
    public IReadOnlyList<LayerId> GetLayersBelow(LayerId id)
    {
        RequireExists(id);
        return [.. _layout.ReadLowers(id).Select(_layout.Resolve)];
    }

    /// <inheritdoc/>
    public IReadOnlyList<LayerProblem> CheckStructure(LayerId id, LayerId? parent, bool repair)
    {
        RequireExists(id);
        var problems = new List<LayerProblem>();
        CheckLink(id, repair, problems);
        if (parent is { } below && Exists(below))
            CheckLowers(id, below, repair, problems);
        return problems;
    }

    /// <inheritdoc/>
    public void ReplaceContent(LayerId id, LayerId whole)
    {
        RequireExists(id);
        RequireExists(whole);
        string link = _layout.ReadLinkIfAny(id);
        Exchange(_layout.Diff(id), _layout.Diff(whole));
        Exchange(_layout.Displaced(id), _layout.Displaced(whole));
        Exchange(_layout.InheritsRoot(id), _layout.InheritsRoot(whole));
        TreeRemover.Remove(_layout.OwnRoot(id)); // of a link that was exchanged for a layer of our own
        // Merged trees have the old files, by other names.
        TreeRemover.Remove(MergedTree(id));
        foreach (var layer in List())
        {
            if (Directory.Exists(MergedTree(layer)) && _layout.ReadLowers(layer).Contains(link))
                TreeRemover.Remove(MergedTree(layer));
        }
    }

    private void CheckLink(LayerId id, bool repair, List<LayerProblem> problems)
    {
        string file = Path.Combine(_layout.Of(id), "link");
        string? link = _layout.FindLink(id);
        if (link is null && (File.Exists(file) || FindShortNameOf(id) is not null))
        {
            // Children name it by what the directory of short names has for it.
            string? known = FindShortNameOf(id);
            problems.Add(new LayerProblem($"{file} is missing or damaged.", repair, "strata check --repair writes it anew."));
            if (!repair)
                return;
            TreeRemover.Remove(file);
            if (known is not null)
                SmallFile.Create(file, Encoding.ASCII.GetBytes(known));
            link = _layout.GetLink(id);
        }
        if (link is null)
            return; // a layer that nothing lies on needs none
        string shortName = Path.Combine(_layout.Links, link);
        if (new FileInfo(shortName).LinkTarget == $"../{id}/diff")
            return;
        problems.Add(new LayerProblem($"The short name {shortName} is missing or points elsewhere.", repair, "strata check --repair makes it anew."));
        if (!repair)
            return;
        TreeRemover.Remove(shortName);
        _layout.MakeShortName(link, id);
    }

    private void CheckLowers(LayerId id, LayerId parent, bool repair, List<LayerProblem> problems)
    {
        if (_layout.FindLink(parent) is not { } link)
        {
            if (!repair)
                return; // told of the parent
            link = _layout.GetLink(parent);
        }
        string[] wanted = [link, .. ReadLowersIfWhole(parent) ?? []];
        if (ReadLowersIfWhole(id) is { } there && there.SequenceEqual(wanted))
            return;
        string file = Path.Combine(_layout.Of(id), "lower");
        problems.Add(new LayerProblem($"{file} does not name the layers below.", repair, "strata check --repair writes it anew."));
        if (!repair)
            return;
        string made = $"{file}.{OverlayLayout.NewLink()}"; // children share the file by hard links: never written in place
        SmallFile.Create(made, Encoding.ASCII.GetBytes(string.Join(':', wanted.Select(lower => "l/" + lower))));
        NameCalls.Rename(made, file);
        TreeRemover.Remove(Path.Combine(_layout.Of(parent), "lower-of-children"));
        TreeRemover.Remove(Path.Combine(_layout.Of(id), "lower-of-children"));
    }

    private IReadOnlyList<string>? ReadLowersIfWhole(LayerId id)
    {
        try
        {
            return _layout.ReadLowers(id);
        }
        catch (StrataException e) when (e.Kind == ErrorKind.Corrupt)
        {
            return null;
        }
    }

    private string? FindShortNameOf(LayerId id) => Directory.EnumerateFileSystemEntries(_layout.Links)
        .Where(path => new FileInfo(path).LinkTarget == $"../{id}/diff").Select(Path.GetFileName).FirstOrDefault();

    /// <summary>True also of a link that leads nowhere.</summary>
    private static bool IsThere(string path) => Path.Exists(path) || SharedLink.Find(path) is not null;

    /// <summary>Exchanges two paths, either of which need not be there.</summary>
    private static void Exchange(string a, string b)
    {
        bool hasA = IsThere(a), hasB = IsThere(b);
        if (hasA && hasB)
            NameCalls.Rename(a, b, NameCalls.RenameExchange);
        else if (hasA)
            NameCalls.Rename(a, b);
        else if (hasB)
            NameCalls.Rename(b, a);
    }
}
