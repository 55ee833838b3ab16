using Strata.Api;
using Strata.Daemon.Operations;

namespace Strata.Daemon.Api;

/// <content>Writable layers.</content>
internal sealed partial class ApiCalls
{
    internal Task WritableLayers(HttpContext context) => ApiBodies.WriteAsync(context, operations.ListWritable().Select(WritableReply.Of).ToList(), ApiJson.Default.ListWritableReply);

    internal Task Writable(HttpContext context) => ApiBodies.WriteAsync(context, WritableReply.Of(operations.GetWritable(Route(context, "name"))), ApiJson.Default.WritableReply);

    internal async Task CreateWritable(HttpContext context)
    {
        var message = await ApiBodies.ReadAsync(context, ApiJson.Default.CreateWritableRequest);
        var request = new CreateRequest
        {
            Name = Required(message.Name, "name"),
            From = message.From,
            Platform = message.Platform,
            StorageOptions = message.StorageOptions ?? [],
            Init = message.Init,
            IdMapping = message.IdMapping is { Length: > 0 } mapping ? Mapping(mapping) : null,
        };
        await AnswerAsync(
            context, progress => WritableReply.Of(operations.GetWritable(operations.Create(request, progress, context.RequestAborted))),
            ApiJson.Default.WritableReply, StatusCodes.Status201Created);
    }

    internal Task RemoveWritable(HttpContext context)
    {
        store.RemoveWritable(Route(context, "name"));
        context.Response.StatusCode = StatusCodes.Status204NoContent;
        return Task.CompletedTask;
    }

    internal async Task Mount(HttpContext context)
    {
        var request = await ApiBodies.ReadAsync(context, ApiJson.Default.MountRequestBody);
        if (request.Target is { } target && !Path.IsPathRooted(target))
            throw StrataException.InvalidArgument($"The target '{target}' is not an absolute path.");
        await ApiBodies.WriteAsync(context, new MountReply(operations.Mount(Route(context, "name"), request.Target)), ApiJson.Default.MountReply);
    }

    internal Task Unmount(HttpContext context)
    {
        operations.Unmount(Route(context, "name"));
        context.Response.StatusCode = StatusCodes.Status204NoContent;
        return Task.CompletedTask;
    }

    internal async Task Changes(HttpContext context)
    {
        string name = Route(context, "name");
        bool contents = Flag(context, "contents");
        var changes = await CallThread.Run(() => operations.Changes(name, contents, context.RequestAborted));
        await ApiBodies.WriteAsync(context, changes.Select(ChangeReply.Of).ToList(), ApiJson.Default.ListChangeReply);
    }

    internal async Task Usage(HttpContext context)
    {
        string name = Route(context, "name");
        await ApiBodies.WriteAsync(context, UsageReply.Of(await CallThread.Run(() => store.GetUsage(name, context.RequestAborted))), ApiJson.Default.UsageReply);
    }

    internal Task Diff(HttpContext context)
    {
        string name = store.GetWritable(Route(context, "name")).Name;
        return SendTarAsync(context, (to, cancelled) => operations.Diff(name, to, null, cancelled));
    }

    internal Task Commit(HttpContext context)
    {
        string name = Route(context, "name");
        return AnswerAsync(context, progress => LayerReply.Of(store.Commit(name, progress, context.RequestAborted)), ApiJson.Default.LayerReply, StatusCodes.Status201Created);
    }

    private static IdMapping Mapping(string text)
    {
        string[] parts = text.Split('/');
        var ranges = parts.Select(part => part.Split(',').Select(IdRange.ParseOne).ToArray()).ToArray();
        return parts.Length is 1 or 2 ? IdMapping.Create(ranges[0], ranges[^1]) : throw StrataException.InvalidArgument($"'{text}' is no mapping of IDs: expected CONTAINER:HOST:SIZE of users, a slash, those of groups.");
    }
}
