using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using Strata.Daemon.Containerd.Wire;
using Strata.Store;

namespace Strata.Daemon.Containerd;

/// <summary>containerd's snapshotter: each call is one call of <see cref="SnapshotStore"/>.</summary>
/// <remarks>
/// The name of the snapshotter in each request is what containerd's configuration calls this plugin, and means nothing here. Keys hold the
/// namespace already. A call that its caller gives up is finished: it is done or was never made.
/// </remarks>
internal sealed class SnapshotService(Store.Store store, RemoteFetcher? fetcher = null) : Snapshots.SnapshotsBase
{
    private const int BytesPerMessage = 256 << 10; // or one snapshot's, which may have any number of labels

    private SnapshotStore Store => store.Snapshots;

    public override async Task<PrepareSnapshotResponse> Prepare(PrepareSnapshotRequest request, ServerCallContext context)
    {
        var labels = request.Labels.ToDictionary();
        if (fetcher is not null)
            await fetcher.EnsureAsync(labels, context.CancellationToken);
        var response = new PrepareSnapshotResponse();
        response.Mounts.AddRange(Store.Prepare(request.Key, request.Parent, labels).ToWire());
        return response;
    }

    public override Task<ViewSnapshotResponse> View(ViewSnapshotRequest request, ServerCallContext context)
    {
        var response = new ViewSnapshotResponse();
        response.Mounts.AddRange(Store.View(request.Key, request.Parent, request.Labels.ToDictionary()).ToWire());
        return Task.FromResult(response);
    }

    public override Task<MountsResponse> Mounts(MountsRequest request, ServerCallContext context)
    {
        var response = new MountsResponse();
        response.Mounts.AddRange(Store.Mounts(request.Key).ToWire());
        return Task.FromResult(response);
    }

    public override Task<Empty> Commit(CommitSnapshotRequest request, ServerCallContext context)
    {
        Store.Commit(request.Name, request.Key, request.Labels.ToDictionary(), request.Parent);
        return Task.FromResult(new Empty());
    }

    public override Task<Empty> Remove(RemoveSnapshotRequest request, ServerCallContext context)
    {
        Store.Remove(request.Key);
        return Task.FromResult(new Empty());
    }

    public override Task<StatSnapshotResponse> Stat(StatSnapshotRequest request, ServerCallContext context) =>
        Task.FromResult(new StatSnapshotResponse { Info = Store.Stat(request.Key).ToWire() });

    public override Task<UpdateSnapshotResponse> Update(UpdateSnapshotRequest request, ServerCallContext context)
    {
        var info = request.Info ?? throw StrataException.InvalidArgument("The call says nothing of the snapshot that is to be updated.");
        var updated = Store.Update(info.Name, info.Labels.ToDictionary(), request.UpdateMask?.Paths);
        return Task.FromResult(new UpdateSnapshotResponse { Info = updated.ToWire() });
    }

    public override async Task List(ListSnapshotsRequest request, IServerStreamWriter<ListSnapshotsResponse> responseStream, ServerCallContext context)
    {
        var response = new ListSnapshotsResponse();
        int bytes = 0;
        foreach (var snapshot in Store.List(request.Filters))
        {
            var info = snapshot.ToWire();
            int size = info.CalculateSize();
            if (bytes > 0 && bytes + size > BytesPerMessage)
            {
                await responseStream.WriteAsync(response, context.CancellationToken);
                (response, bytes) = (new ListSnapshotsResponse(), 0);
            }
            response.Info.Add(info);
            bytes += size;
        }
        if (bytes > 0)
            await responseStream.WriteAsync(response, context.CancellationToken);
    }

    public override Task<UsageResponse> Usage(UsageRequest request, ServerCallContext context)
    {
        var usage = Store.Usage(request.Key, context.CancellationToken);
        return Task.FromResult(new UsageResponse { Size = usage.SizeBytes, Inodes = usage.Inodes });
    }

    public override Task<Empty> Cleanup(CleanupRequest request, ServerCallContext context)
    {
        Store.Cleanup();
        return Task.FromResult(new Empty());
    }
}
