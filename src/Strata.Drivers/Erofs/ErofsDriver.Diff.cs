using Strata.Formats.Tar;
using Strata.Linux;
using Strata.Trees;

namespace Strata.Drivers.Erofs;

/// <content>Differences: of an applied layer its tar; of any other one its upper directory.</content>
public sealed partial class ErofsDriver
{
    private const int CopyBytes = 1 << 20;

    /// <inheritdoc/>
    /// <remarks>An applied layer gives its tar back, byte for byte as it came, against its own parent.</remarks>
    public void Diff(LayerId id, LayerId? parent, Stream destination, DiffOptions? options = null, CancellationToken cancellationToken = default)
    {
        RequireExists(id);
        if (_layout.IsApplied(id) && parent == ParentOf(id))
        {
            CopyTar(id, destination, options?.Progress, cancellationToken);
            return;
        }
        using var difference = Open(id, parent, options);
        difference.Write(destination, options?.Progress, cancellationToken);
    }

    /// <inheritdoc/>
    public ILayerSource OpenTree(LayerId id)
    {
        var difference = Open(id, null, null);
        return new TreeSource(difference.Comparer, difference);
    }

    /// <inheritdoc/>
    public IReadOnlyList<Change> Changes(LayerId id, LayerId? parent, DiffOptions? options = null, CancellationToken cancellationToken = default)
    {
        using var difference = Open(id, parent, options);
        return TreeSource.List(difference.Comparer, cancellationToken);
    }

    /// <inheritdoc/>
    public long DiffSize(LayerId id, LayerId? parent, CancellationToken cancellationToken = default)
    {
        using var difference = Open(id, parent, null);
        return difference.Measure(cancellationToken);
    }

    /// <inheritdoc/>
    /// <remarks>The layer is whole from the moment that its tar has its name; it is read-only then.</remarks>
    public long ApplyDiff(LayerId id, LayerId? parent, Stream tar, ApplyOptions? options = null, CancellationToken cancellationToken = default)
    {
        RequireExists(id);
        try
        {
            return ApplyChecked(id, parent, tar, options ?? ApplyOptions.Default, cancellationToken);
        }
        catch (Exception e) when (Retold(e, id, "apply a tar to") is { } better)
        {
            throw better;
        }
    }

    private long ApplyChecked(LayerId id, LayerId? parent, Stream tar, ApplyOptions options, CancellationToken cancellationToken)
    {
        if (_layout.IsApplied(id))
            throw StrataException.FailedPrecondition($"Layer {id} was applied already: it is its tar, to which nothing can be added. Make a layer on top of it.");
        if (FindStoredMap(id) is not null || _images.Has(id) || (Directory.Exists(_layout.Diff(id)) && Directory.EnumerateFileSystemEntries(_layout.Diff(id)).Any()))
        {
            // Something was written to the layer, or it must be mounted: apply over what is seen, as the naive driver does.
            return new NaiveDiffDriver(this).ApplyDiff(id, parent, tar, options, cancellationToken);
        }
        return Apply(id, tar, options, cancellationToken);
    }

    /// <inheritdoc/>
    /// <remarks>The layer's tar is kept as it is: what a later entry of it displaced is not to be had here, and need not be.</remarks>
    public IRecipeContents OpenContents(LayerId id)
    {
        RequireExists(id);
        var held = _images.Use(id);
        return new TreeContents(_layout.IsApplied(id) ? OpenLower(new Lower(LowerKind.Index, id, [id])) : OpenView(id), SideDirectoryOf(id), held is null ? null : held.Dispose);
    }

    private StackDifference Open(LayerId id, LayerId? parent, DiffOptions? options)
    {
        RequireExists(id);
        if (parent is { } p)
            RequireExists(p);
        try
        {
            return OpenDifference(id, parent, options);
        }
        catch (Exception e) when (Retold(e, id, "compare") is { } better)
        {
            throw better;
        }
    }

    private StackDifference OpenDifference(LayerId id, LayerId? parent, DiffOptions? options)
    {
        bool direct = parent == ParentOf(id);
        Func<RootDirectory> itself = () => OpenLower(new Lower(_layout.IsApplied(id) ? LowerKind.Index : LowerKind.Directory, id, [id]));
        return new StackDifference(
            direct ? itself : () => OpenView(id), parent is { } below ? () => OpenView(below) : null, () => OpenView(id),
            _marks, direct, options, _images.UseAll(id, parent), FindOwners(id), parent is { } old ? FindOwners(old) : null);
    }

    private void CopyTar(LayerId id, Stream destination, IProgress<ProgressReport>? progress, CancellationToken cancellationToken)
    {
        using var tar = FileStreams.OpenRead(FileCalls.Open(_layout.Tar(id), OpenFlags.ReadOnly));
        long sizeBytes = tar.Length;
        byte[] buffer = System.Buffers.ArrayPool<byte>.Shared.Rent(CopyBytes);
        try
        {
            for (long done = 0; ;)
            {
                cancellationToken.ThrowIfCancellationRequested();
                int read = tar.Read(buffer, 0, CopyBytes);
                if (read == 0)
                    return;
                destination.Write(buffer, 0, read);
                done += read;
                progress?.Report(new ProgressReport("diff", done, sizeBytes));
            }
        }
        finally
        {
            System.Buffers.ArrayPool<byte>.Shared.Return(buffer);
        }
    }
}
