using System.IO.Pipelines;
using Grpc.Core;
using Strata.Daemon.Containerd.Wire;
using Strata.Daemon.Operations;
using Strata.Oci;
using Strata.Store;

namespace Strata.Daemon.Containerd;

/// <summary>containerd's differ: layers come out of its content store into snapshots, and differences of snapshots go there.</summary>
/// <remarks>
/// For mounts that are of no snapshot of this store the answer is Unimplemented: containerd then asks the next differ of its configuration.
/// </remarks>
internal sealed class DiffService(Store.Store store, ContainerdClient containerd, AheadUnpacker? ahead = null) : Diff.DiffBase
{
    private const string UncompressedLabel = "containerd.io/uncompressed";
    private const int MaxBytesUnderWay = 4 << 20;

    public override async Task<ApplyResponse> Apply(ApplyRequest request, ServerCallContext context)
    {
        var blob = request.Diff ?? throw StrataException.InvalidArgument("The call does not say which layer is to be applied.");
        if (!MediaTypes.IsLayer(blob.MediaType))
            throw StrataException.NotSupported($"A layer of the media type '{blob.MediaType}' can't be applied.");
        var headers = ContainerdClient.HeadersOf(context);
        // For minutes, perhaps: not on a thread that other calls wait for.
        var applied = await Task.Factory.StartNew(
            () => Apply(blob, request.Mounts.ToMounts(), headers, context), CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default)
            ?? throw NotOurs();
        return new ApplyResponse { Applied = new BlobDescriptor { MediaType = MediaTypes.LayerTar, Digest = applied.DiffId.ToString(), Size = applied.TarBytes } };
    }

    private AppliedLayer? Apply(BlobDescriptor blob, IReadOnlyList<Strata.Mount> mounts, Metadata headers, ServerCallContext context)
    {
        var digest = Digest.Parse(blob.Digest);
        Action<long> moved = bytes => Moved(context, bytes, 0);
        using var file = ContentFile.Find(containerd, digest, headers, moved, context.CancellationToken);
        if (file is not null && ahead?.Adopt(mounts, digest, moved, context.CancellationToken) is { } adopted)
            return adopted;
        var input = new LayerInput
        {
            Open = () => file ?? (Stream)new ContentReadStream(containerd, blob.Digest, headers, moved, context.CancellationToken),
            BlobDigest = digest,
            BlobBytes = blob.Size,
        };
        return store.Snapshots.Apply(mounts, input, context.CancellationToken);
    }

    public override async Task<DiffResponse> Diff(DiffRequest request, ServerCallContext context)
    {
        if (!SnapshotLayer.CanWrite(request.MediaType))
            throw StrataException.NotSupported($"A layer can't be written as '{request.MediaType}'.");
        var difference = store.Snapshots.FindDifference(request.Left.ToMounts(), request.Right.ToMounts()) ?? throw NotOurs();
        string reference = request.Ref.Length > 0 ? request.Ref : $"strata-diff-{Guid.NewGuid():N}";

        using var ended = CancellationTokenSource.CreateLinkedTokenSource(context.CancellationToken);
        var pipe = new Pipe(new PipeOptions(pauseWriterThreshold: MaxBytesUnderWay, resumeWriterThreshold: MaxBytesUnderWay / 2, minimumSegmentSize: 64 * 1024));
        var producing = Task.Factory.StartNew(
            () => Produce(request.MediaType, difference, pipe.Writer, ended.Token), CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
        SnapshotLayer? layer = null;
        try
        {
            await using var writer = new ContentWriter(containerd, reference, ContainerdClient.HeadersOf(context), bytes => Moved(context, 0, bytes), context.CancellationToken);
            await writer.WriteAsync(
                pipe.Reader.AsStream(),
                async () =>
                {
                    layer = await producing;
                    var labels = new Dictionary<string, string>(request.Labels) { [UncompressedLabel] = layer.DiffId.ToString() };
                    return (layer.Descriptor.Digest.ToString(), labels);
                },
                context.CancellationToken);
        }
        catch
        {
            await ended.CancelAsync();
            throw;
        }
        finally
        {
            await pipe.Reader.CompleteAsync();
            await producing.ContinueWith(_ => { }, CancellationToken.None, TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);
        }
        return new DiffResponse
        {
            Diff = new BlobDescriptor { MediaType = layer!.Descriptor.MediaType, Digest = layer.Descriptor.Digest.ToString(), Size = layer.Descriptor.SizeBytes },
        };
    }

    private static SnapshotLayer Produce(string mediaType, Action<Stream, CancellationToken> difference, PipeWriter output, CancellationToken cancellationToken)
    {
        Exception? error = null;
        try
        {
            using var stream = output.AsStream(leaveOpen: true);
            return SnapshotLayer.Write(mediaType, difference, stream, cancellationToken);
        }
        catch (Exception e)
        {
            error = e; // comes up where the pipe is read
            throw;
        }
        finally
        {
            output.Complete(error);
        }
    }

    /// <summary>As long as bytes move the call lives.</summary>
    private static void Moved(ServerCallContext context, long read, long written)
    {
        var http = context.GetHttpContext();
        CallDeadline.PutOff(http);
        CallMetrics.AddBytes(http, read, written);
    }

    private static StrataException NotOurs() => StrataException.NotSupported("These mounts are of no snapshot of this store.");
}
