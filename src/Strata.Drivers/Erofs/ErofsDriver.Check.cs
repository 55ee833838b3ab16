using Strata.Linux;
using Strata.Trees;

namespace Strata.Drivers.Erofs;

/// <content>Whether an index says what its tar says: it is made once more and compared, since the same tar always gives the same index.</content>
public sealed partial class ErofsDriver : ILayerChecker
{
    /// <inheritdoc/>
    public IReadOnlyList<LayerProblem> CheckLayer(LayerId id, bool repair, CancellationToken cancellationToken = default)
    {
        RequireExists(id);
        if (!_layout.IsApplied(id))
        {
            return Directory.Exists(_layout.Diff(id)) ? [] : [new LayerProblem(
                $"{_layout.Tar(id)} is missing: the layer holds nothing.", Repaired: false, "Remove its image and load it again.")];
        }
        var problems = new List<LayerProblem>();
        using (FileLock.Acquire(_layout.Lock(id)))
        {
            string index = _layout.Index(id) + ".check", side = _layout.Side(id) + ".check";
            try
            {
                MakeIndex(id, index, side, cancellationToken);
                if (!SameBytes(side, _layout.Side(id)))
                    problems.Add(Replace(side, _layout.Side(id), "side file", repair));
                if (!SameBytes(index, _layout.Index(id)))
                    problems.Add(Replace(index, _layout.Index(id), "index", repair));
            }
            catch (StrataException e) when (e.Kind == ErrorKind.Corrupt)
            {
                problems.Add(new LayerProblem(e.Message, Repaired: false, "Remove its image and load it again."));
            }
            finally
            {
                TreeRemover.Remove(index);
                TreeRemover.Remove(side);
            }
        }
        if (problems.All(problem => problem.Repaired) && File.Exists(_layout.Chain(id)))
            CheckChain(id, repair, problems);
        return problems;
    }

    /// <inheritdoc/>
    protected override string? FindDamage(LayerId id)
    {
        if (!Exists(id))
            return null;
        if (FindNoDirectories(_layout.Diff(id), _layout.Work(id), _layout.Merged(id)) is { } misplaced)
            return misplaced;
        foreach (var layer in _layout.ReadLowers(id).Prepend(id))
        {
            if (!Exists(layer))
                return $"layer {layer}, which it lies on, is not there ({_layout.Of(layer)}). {MakeAgain}";
            if (FindLostTar(layer) is { } lost)
                return lost;
            foreach (string index in new[] { _layout.Index(layer), _layout.Chain(layer) })
            {
                if (FindDamagedIndex(index) is { } damage)
                    return damage;
            }
        }
        return null;
    }

    /// <summary>A layer that has an index had a tar: says that it is gone; null: it is not.</summary>
    private string? FindLostTar(LayerId id) => Path.Exists(_layout.Index(id)) && !_layout.IsApplied(id) && !Directory.Exists(_layout.Diff(id))
        ? $"{_layout.Tar(id)} is missing or no file, and the layer was nothing else. Remove its image and load it again."
        : null;

    private static string? FindDamagedIndex(string path)
    {
        if (Directory.Exists(path))
            return $"{path} is a directory. Delete it; it is made again.";
        if (!File.Exists(path))
            return null;
        try
        {
            using var index = new LayerIndex(path);
            return null;
        }
        catch (StrataException e) when (e.Kind == ErrorKind.Corrupt)
        {
            return e.Message;
        }
    }

    private void CheckChain(LayerId id, bool repair, List<LayerProblem> problems)
    {
        var row = new List<LayerId> { id };
        row.AddRange(_layout.ReadLowers(id).TakeWhile(_layout.IsApplied));
        string chain = _layout.Chain(id), again = chain + ".check";
        try
        {
            MakeChain(row, again);
            if (!SameBytes(again, chain))
                problems.Add(Replace(again, chain, "index of it and those below", repair));
        }
        finally
        {
            TreeRemover.Remove(again);
        }
    }

    private static LayerProblem Replace(string right, string wrong, string what, bool repair)
    {
        bool missing = !File.Exists(wrong);
        if (repair && File.Exists(right))
            Place(right, wrong);
        else if (repair)
            TreeRemover.Remove(wrong);
        return new LayerProblem(
            missing ? $"Its {what}, {wrong}, is missing." : $"Its {what}, {wrong}, is not what its tar says.", repair,
            "It is a cache: strata check --repair makes it again from the tar.");
    }

    /// <summary>True if two files hold the same, or neither is there.</summary>
    private static bool SameBytes(string a, string b)
    {
        if (!File.Exists(a) || !File.Exists(b))
            return File.Exists(a) == File.Exists(b);
        using var x = FileStreams.OpenRead(FileCalls.Open(a, OpenFlags.ReadOnly));
        using var y = FileStreams.OpenRead(FileCalls.Open(b, OpenFlags.ReadOnly));
        if (x.Length != y.Length)
            return false;
        byte[] first = System.Buffers.ArrayPool<byte>.Shared.Rent(CopyBytes), second = System.Buffers.ArrayPool<byte>.Shared.Rent(CopyBytes);
        try
        {
            while (true)
            {
                int n = x.ReadAtLeast(first.AsSpan(0, CopyBytes), CopyBytes, throwOnEndOfStream: false);
                int m = y.ReadAtLeast(second.AsSpan(0, CopyBytes), CopyBytes, throwOnEndOfStream: false);
                if (!first.AsSpan(0, n).SequenceEqual(second.AsSpan(0, m)))
                    return false;
                if (n == 0)
                    return true;
            }
        }
        finally
        {
            System.Buffers.ArrayPool<byte>.Shared.Return(first);
            System.Buffers.ArrayPool<byte>.Shared.Return(second);
        }
    }
}
