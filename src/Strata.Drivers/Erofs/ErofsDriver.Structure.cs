using System.Text;
using Strata.Linux;
using Strata.Trees;

namespace Strata.Drivers.Erofs;

/// <content>What the driver keeps of a layer's place: the list of those below it.</content>
public sealed partial class ErofsDriver : ILayerStructure
{
    /// <inheritdoc/>
    public IReadOnlyList<LayerId> GetLayersBelow(LayerId id)
    {
        RequireExists(id);
        return _layout.ReadLowers(id);
    }

    /// <inheritdoc/>
    public IReadOnlyList<LayerProblem> CheckStructure(LayerId id, LayerId? parent, bool repair)
    {
        RequireExists(id);
        return [.. CheckLowers(id, parent, repair), .. CheckUpper(id)];
    }

    /// <summary>Where the working directory is, so was the directory of what was written: it is made before.</summary>
    private IEnumerable<LayerProblem> CheckUpper(LayerId id)
    {
        if (!_layout.IsApplied(id) && FindLostTar(id) is null && Directory.Exists(_layout.Work(id)) && !Directory.Exists(_layout.Diff(id)))
            yield return new LayerProblem($"{_layout.Diff(id)} is missing: what was written to the layer is gone.", false, "Remove the layer, and make it anew.");
    }

    private LayerProblem[] CheckLowers(LayerId id, LayerId? parent, bool repair)
    {
        LayerId[] wanted = parent is { } below && Exists(below) ? [below, .. ReadLowersIfWhole(below) ?? []] : [];
        if (wanted.Length == 0 || (ReadLowersIfWhole(id) is { } there && there.SequenceEqual(wanted)))
            return [];
        string file = _layout.LowerFile(id);
        if (repair)
        {
            string made = file + ".new";
            TreeRemover.Remove(made);
            SmallFile.Create(made, Encoding.ASCII.GetBytes(string.Concat(wanted.Select(lower => lower + "\n"))));
            NameCalls.Rename(made, file);
            _bases.Clear();
        }
        return [new LayerProblem($"{file} does not name the layers below.", repair, "strata check --repair writes it anew.")];
    }

    /// <inheritdoc/>
    /// <remarks>The tar's rename is the replacement; indexes are removed before it, and made again when they are needed.</remarks>
    public void ReplaceContent(LayerId id, LayerId whole)
    {
        RequireExists(id);
        RequireExists(whole);
        if (!_layout.IsApplied(whole))
            throw StrataException.FailedPrecondition($"Layer {whole} has no tar: its content can't take another's place.");
        using (FileLock.Acquire(_layout.Lock(id)))
        {
            foreach (string cache in new[] { _layout.Index(id), _layout.Side(id), _layout.Chain(id) })
                TreeRemover.Remove(cache);
            NameCalls.Rename(_layout.Tar(whole), _layout.Tar(id));
        }
        foreach (var layer in List())
        {
            if (File.Exists(_layout.Chain(layer)) && (ReadLowersIfWhole(layer) ?? []).Contains(id))
                TreeRemover.Remove(_layout.Chain(layer));
        }
        _bases.Clear();
    }

    private IReadOnlyList<LayerId>? ReadLowersIfWhole(LayerId id)
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
}
