using Strata.Api;
using Strata.Oci;
using Strata.Store;

namespace Strata.Daemon.Api;

/// <content>Images.</content>
internal sealed partial class ApiCalls
{
    internal Task Images(HttpContext context)
    {
        var images = Query(context, "name") is { } name ? (store.FindImage(name) is { } one ? [one] : []) : operations.ListImages();
        return ApiBodies.WriteAsync(context, images.Select(ImageReply.Of).ToList(), ApiJson.Default.ListImageReply);
    }

    internal Task Image(HttpContext context) => ApiBodies.WriteAsync(context, ImageReply.Of(GetImage(context)), ApiJson.Default.ImageReply);

    internal Task Indexes(HttpContext context) => ApiBodies.WriteAsync(context, operations.ListIndexes().Select(IndexReply.Of).ToList(), ApiJson.Default.ListIndexReply);

    internal Task RemoveImage(HttpContext context) => ApiBodies.WriteAsync(
        context, store.RemoveImage(Digest.Parse(Route(context, "manifest"))).Select(LayerReply.Of).ToList(), ApiJson.Default.ListLayerReply);

    internal Task Load(HttpContext context)
    {
        var loading = new LoadOptions
        {
            Name = Query(context, "name") is { } name ? ImageNames.Normalize(name) : null, Platform = Query(context, "platform"), AllPlatforms = Flag(context, "allPlatforms"),
        };
        string shown = Query(context, "shown") ?? "the body";
        return TakeAsync(context, body => operations.Load(body, shown, loading, context.RequestAborted).Select(ImageReply.Of).ToList(), ApiJson.Default.ListImageReply);
    }

    internal async Task Save(HttpContext context)
    {
        var request = await ApiBodies.ReadAsync(context, ApiJson.Default.SaveRequest);
        if (request.Images is not { Count: > 0 } images)
            throw StrataException.InvalidArgument("The call has no 'images'.");
        var saving = new SaveOptions
        {
            Format = OneOf<SaveFormat>(request.Format, "format"), Compression = OneOf<SaveCompression>(request.Compression, "compression"), Level = request.Level, AllPlatforms = request.AllPlatforms,
        };
        operations.FindAll(images, request.Platform); // what is missing is told before a tar begins
        await SendTarAsync(context, (to, cancelled) => operations.Save(images, request.Platform, to, saving, cancelled));
    }

    internal async Task CommitImage(HttpContext context)
    {
        var request = await ApiBodies.ReadAsync(context, ApiJson.Default.CommitImageRequest);
        string writable = Route(context, "name"), name = Required(request.Name, "name");
        var changes = new ImageChanges
        {
            Config = [.. (request.Changes ?? []).Select(c => new ConfigChange(OneOf<ConfigInstruction>(Required(c.Instruction, "instruction"), "instruction"), c.Text ?? "", c.Literal))],
            Author = request.Author,
            Message = request.Message,
        };
        await AnswerAsync(
            context, progress => ImageReply.Of(operations.Commit(writable, name, changes, progress, context.RequestAborted)), ApiJson.Default.ImageReply, StatusCodes.Status201Created);
    }

    internal async Task AddName(HttpContext context)
    {
        var request = await ApiBodies.ReadAsync(context, ApiJson.Default.NameRequest);
        operations.Tag(Required(request.Image, "image"), Required(request.Name, "name"));
        context.Response.StatusCode = StatusCodes.Status204NoContent;
    }

    internal Task RemoveName(HttpContext context)
    {
        string name = Required(Query(context, "name"), "name");
        var gone = operations.Untag(name) ?? throw StrataException.NotFound($"No image has the name '{name}'.");
        return ApiBodies.WriteAsync(context, new UntaggedReply(gone.Name, gone.Config.ToString()), ApiJson.Default.UntaggedReply);
    }

    internal Task History(HttpContext context) => ApiBodies.WriteAsync(
        context, operations.History(Required(Query(context, "image"), "image"), Query(context, "platform")).Select(StepReply.Of).ToList(), ApiJson.Default.ListStepReply);

    internal Task Document(HttpContext context) => ApiBodies.WriteAsync(
        context, operations.ReadDocument(Required(Query(context, "image"), "image"), Query(context, "platform"), Required(Query(context, "document"), "document")), ApiHeaders.JsonMediaType);

    private static T OneOf<T>(string? text, string name)
        where T : struct, Enum
    {
        if (string.IsNullOrEmpty(text))
            return default;
        return Enum.TryParse<T>(text, out var value) && Enum.IsDefined(value)
            ? value
            : throw StrataException.InvalidArgument($"'{name}' can't be '{text}': expected {string.Join(", ", Enum.GetNames<T>())}.");
    }

    private ImageRecord GetImage(HttpContext context)
    {
        string manifest = Route(context, "manifest");
        return store.FindImage(Digest.Parse(manifest)) ?? throw StrataException.NotFound($"There is no image {manifest} in the store.");
    }
}
