using System.Globalization;
using System.Net;
using System.Text.Json;

namespace Strata.Oci.Registries;

/// <summary>What a registry's answers mean: the one table from HTTP to kinds of errors.</summary>
internal static class RegistryErrors
{
    private const int MaxErrorBytes = 64 * 1024;
    private const int MaxShownChars = 200;

    /// <summary>Throws what a failed answer means; the caller disposes it.</summary>
    /// <param name="response">The answer.</param>
    /// <param name="what">What was attempted, as it follows "Can't".</param>
    /// <param name="host">Whom the user logs in at.</param>
    /// <param name="cancellationToken">Ends it early.</param>
    internal static async Task ThrowIfFailedAsync(HttpResponseMessage response, string what, string host, CancellationToken cancellationToken)
    {
        if (response.IsSuccessStatusCode)
            return;
        int status = (int)response.StatusCode;
        string said = await SaidAsync(response, cancellationToken).ConfigureAwait(false);
        string message = $"Can't {what}: {host} answered {status}{(said.Length == 0 ? "" : $" ({said})")}.";
        switch (response.StatusCode)
        {
            case HttpStatusCode.Unauthorized:
                throw StrataException.PermissionDenied($"{message} It wants credentials that it accepts: run 'strata login {host}', or give --creds USER:PASSWORD. (Some registries answer so for what does not exist.)");
            case HttpStatusCode.Forbidden:
                throw StrataException.PermissionDenied($"{message} These credentials may not do that: ask for the right to, or run 'strata login {host}' as somebody else.");
            case HttpStatusCode.NotFound or HttpStatusCode.Gone:
                throw StrataException.NotFound($"{message} Is the name right?");
            case HttpStatusCode.TooManyRequests:
                throw new TransientException(message) { RetryAfter = RetryAfter(response) ?? TimeSpan.FromSeconds(2) };
            case HttpStatusCode.RequestTimeout or HttpStatusCode.InternalServerError or HttpStatusCode.BadGateway or HttpStatusCode.ServiceUnavailable or HttpStatusCode.GatewayTimeout:
                throw new TransientException(message) { RetryAfter = RetryAfter(response) };
            case HttpStatusCode.MethodNotAllowed or HttpStatusCode.UnsupportedMediaType or HttpStatusCode.NotImplemented:
                throw StrataException.NotSupported($"{message} It does not do that.");
            case HttpStatusCode.RequestEntityTooLarge or HttpStatusCode.InsufficientStorage:
                throw StrataException.Exhausted($"{message} It takes nothing that large.");
            case HttpStatusCode.BadRequest:
                throw StrataException.InvalidArgument(message);
            default:
                throw new StrataException(ErrorKind.Unknown, message);
        }
    }

    /// <summary>Reads a small answer whole.</summary>
    /// <exception cref="StrataException">Exhausted: it is larger.</exception>
    internal static async Task<byte[]> ReadAsync(HttpResponseMessage response, int mostBytes, string what, CancellationToken cancellationToken)
    {
        if (response.Content.Headers.ContentLength > mostBytes)
            throw TooLarge(what, mostBytes);
        var body = await response.Content.ReadAsStreamAsync(cancellationToken).ConfigureAwait(false);
        await using (body.ConfigureAwait(false))
        {
            using var bytes = new MemoryStream();
            byte[] buffer = new byte[32 * 1024];
            for (int read = await body.ReadAsync(buffer, cancellationToken).ConfigureAwait(false); read > 0; read = await body.ReadAsync(buffer, cancellationToken).ConfigureAwait(false))
            {
                if (bytes.Length + read > mostBytes)
                    throw TooLarge(what, mostBytes);
                bytes.Write(buffer, 0, read);
            }
            return bytes.ToArray();
        }
    }

    /// <summary>A stranger's text, fit for one line of a terminal.</summary>
    internal static string Shown(string text)
    {
        string clean = new([.. text.Select(c => char.IsControl(c) || char.IsSurrogate(c) || char.GetUnicodeCategory(c) == UnicodeCategory.Format ? ' ' : c)]);
        return clean.Length <= MaxShownChars ? clean.Trim() : clean[..MaxShownChars].Trim() + "…";
    }

    private static StrataException TooLarge(string what, int mostBytes) =>
        StrataException.Exhausted($"{char.ToUpperInvariant(what[0])}{what[1..]} is larger than {mostBytes} bytes; that is refused.");

    /// <summary>What the registry says itself: distribution-spec, "Error codes". Best effort: the status alone decides what happens.</summary>
    private static async Task<string> SaidAsync(HttpResponseMessage response, CancellationToken cancellationToken)
    {
        try
        {
            byte[] bytes = await ReadAsync(response, MaxErrorBytes, "the error", cancellationToken).ConfigureAwait(false);
            using var json = JsonDocument.Parse(bytes);
            var first = json.RootElement.GetProperty("errors").EnumerateArray().First();
            string code = first.TryGetProperty("code", out var c) ? c.GetString() ?? "" : "";
            string message = first.TryGetProperty("message", out var m) ? m.GetString() ?? "" : "";
            return Shown(message.Length == 0 ? code : $"{code}: {message}");
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or KeyNotFoundException or StrataException or IOException or HttpRequestException)
        {
            return Shown(response.ReasonPhrase ?? "");
        }
    }

    private static TimeSpan? RetryAfter(HttpResponseMessage response)
    {
        var header = response.Headers.RetryAfter;
        var wait = header?.Delta ?? (header?.Date is { } date ? date - DateTimeOffset.UtcNow : null);
        return wait is { } w && w > TimeSpan.Zero ? w : null;
    }
}
