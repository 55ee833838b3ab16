using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Strata.Api;

namespace Strata.Daemon.Api;

/// <summary>Bodies of calls as messages, and back.</summary>
internal static class ApiBodies
{
    private const int MaxRequestBytes = 1 << 20;

    internal static Task WriteAsync<T>(HttpContext context, T value, JsonTypeInfo<T> type) => WriteAsync(context, JsonSerializer.SerializeToUtf8Bytes(value, type), ApiHeaders.JsonMediaType);

    internal static Task WriteAsync(HttpContext context, byte[] bytes, string mediaType)
    {
        context.Response.ContentType = mediaType;
        context.Response.ContentLength = bytes.Length;
        return context.Response.Body.WriteAsync(bytes, context.RequestAborted).AsTask();
    }

    /// <summary>Reads a body; an empty one is one without values.</summary>
    internal static async Task<T> ReadAsync<T>(HttpContext context, JsonTypeInfo<T> type)
        where T : new()
    {
        using var body = new MemoryStream();
        byte[] buffer = new byte[4096];
        for (int read; (read = await context.Request.Body.ReadAsync(buffer, context.RequestAborted)) > 0;)
        {
            if (body.Length + read > MaxRequestBytes)
                throw StrataException.InvalidArgument($"A body of more than {MaxRequestBytes} bytes is none that a call takes.");
            body.Write(buffer, 0, read);
        }
        return body.Length == 0 ? new T() : JsonSerializer.Deserialize(body.GetBuffer().AsSpan(0, (int)body.Length), type) ?? new T();
    }

    /// <summary>Reads nothing of a layer or an image any more, but lets its sender come to the end of it: then he reads why it was refused.</summary>
    internal static async Task DrainAsync(HttpContext context)
    {
        try
        {
            await context.Request.Body.CopyToAsync(Stream.Null, context.RequestAborted);
        }
        catch (Exception e) when (e is IOException or OperationCanceledException or BadHttpRequestException)
        {
            // he has gone, or takes too long; why it was refused must not be hidden
        }
    }
}
