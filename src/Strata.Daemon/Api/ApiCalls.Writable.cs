using Strata.Daemon.Operations;
using Strata.Store;

namespace Strata.Daemon.Api;

/// <content>Writable layers.</content>
internal sealed partial class ApiCalls
{
    internal Task WritableLayers(HttpContext context) => ApiJson.WriteAsync(context, store.ListWritable().Select(Of).ToList(), ApiJson.Default.ListWritableReply);

    internal Task Writable(HttpContext context) => ApiJson.WriteAsync(context, Of(store.GetWritable(Route(context, "name"))), ApiJson.Default.WritableReply);

    internal async Task CreateWritable(HttpContext context)
    {
        var request = await ApiJson.ReadAsync(context, ApiJson.Default.CreateWritableRequest);
        if (request.Image is not null && request.Layer is not null)
            throw StrataException.InvalidArgument("A writable layer lies on an image or on a layer, not on both.");
        var image = request.Image is { } named ? FindImage(named) : null;
        var parent = image is not null ? image.TopLayer : request.Layer is { } layer ? GetLayer(layer).ChainId : (ChainId?)null;
        var made = store.CreateWritable(request.Name ?? "", parent, image?.Manifest, request.StorageOptions, request.Init ? InitLayer.Standard : null);
        context.Response.StatusCode = StatusCodes.Status201Created;
        await ApiJson.WriteAsync(context, Of(made), ApiJson.Default.WritableReply);
    }

    internal Task RemoveWritable(HttpContext context)
    {
        store.RemoveWritable(Route(context, "name"));
        context.Response.StatusCode = StatusCodes.Status204NoContent;
        return Task.CompletedTask;
    }

    internal async Task Mount(HttpContext context)
    {
        var request = await ApiJson.ReadAsync(context, ApiJson.Default.MountRequestBody);
        if (request.Target is { } target && !Path.IsPathRooted(target))
            throw StrataException.InvalidArgument($"The target '{target}' is not an absolute path.");
        await ApiJson.WriteAsync(context, new MountReply(store.Mount(Route(context, "name"), request.Target)), ApiJson.Default.MountReply);
    }

    internal Task Unmount(HttpContext context)
    {
        store.Unmount(Route(context, "name"));
        context.Response.StatusCode = StatusCodes.Status204NoContent;
        return Task.CompletedTask;
    }

    internal async Task Changes(HttpContext context)
    {
        string name = Route(context, "name");
        var changes = await CallThread.Run(() => store.Changes(name, null, context.RequestAborted));
        await ApiJson.WriteAsync(context, changes.Select(c => new ChangeEntry($"{c.Letter}", c.Path.ToString())).ToList(), ApiJson.Default.ListChangeEntry);
    }

    internal async Task Usage(HttpContext context)
    {
        string name = Route(context, "name");
        var usage = await CallThread.Run(() => store.GetUsage(name, context.RequestAborted));
        await ApiJson.WriteAsync(context, new UsageReply(usage.SizeBytes, usage.Inodes), ApiJson.Default.UsageReply);
    }

    internal Task Diff(HttpContext context)
    {
        string name = store.GetWritable(Route(context, "name")).Name;
        return SendTarAsync(context, (to, cancelled) => store.Diff(name, to, null, cancelled));
    }

    internal async Task Commit(HttpContext context)
    {
        string name = Route(context, "name");
        var layer = await CallThread.Run(() => store.Commit(name, new Beat(context), context.RequestAborted));
        context.Response.StatusCode = StatusCodes.Status201Created;
        await ApiJson.WriteAsync(context, Of(layer), ApiJson.Default.LayerReply);
    }

    private ImageRecord FindImage(string named) => (Digest.TryParse(named, out var manifest) ? store.FindImage(manifest) : store.FindImage(named))
        ?? throw StrataException.NotFound($"There is no image '{named}' in the store.");

    private WritableReply Of(WritableRecord layer) => new(
        layer.Name, layer.Parent?.ToString(), layer.Image?.ToString(), layer.DriverId.ToString(), store.FindMountPoint(layer), layer.Created);
}
