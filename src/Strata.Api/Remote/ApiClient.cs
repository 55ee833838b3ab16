using System.Net;
using System.Net.Sockets;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;

namespace Strata.Api;

/// <summary>Calls of the control API at a unix socket, on the thread of whoever calls.</summary>
internal sealed class ApiClient : IDisposable
{
    private const int BufferBytes = 256 * 1024;
    private readonly HttpClient _http;

    /// <param name="socket">The daemon's api socket. Nothing is connected yet.</param>
    internal ApiClient(string socket)
    {
        Socket = socket;
        _http = new HttpClient(new SocketsHttpHandler
        {
            ConnectCallback = (_, _) => new ValueTask<Stream>(Connect(socket)),
            Expect100ContinueTimeout = TimeSpan.FromMinutes(1), // what is wrong with a call is told before a layer is sent
        })
        {
            BaseAddress = new Uri("http://stratad"),
            Timeout = Timeout.InfiniteTimeSpan, // the daemon has its own, and the user has Ctrl-C
        };
    }

    /// <summary>The socket.</summary>
    internal string Socket { get; }

    /// <summary>A call that answers with JSON.</summary>
    /// <param name="method">The HTTP method.</param>
    /// <param name="path">The path with its query.</param>
    /// <param name="body">What is sent, or null; disposed here.</param>
    /// <param name="type">What comes back.</param>
    /// <param name="progress">Told of what the daemon tells; null: it is not asked for it.</param>
    /// <param name="cancellationToken">Gives the call up; the daemon ends it too.</param>
    internal T Call<T>(HttpMethod method, string path, HttpContent? body, JsonTypeInfo<T> type, IProgress<ProgressReport>? progress = null, CancellationToken cancellationToken = default)
    {
        using var response = Send(method, path, body, progress is null ? ApiHeaders.JsonMediaType : ApiHeaders.ProgressMediaType, cancellationToken);
        using var stream = response.Content.ReadAsStream(cancellationToken);
        return Guarded(() => response.Content.Headers.ContentType?.MediaType == ApiHeaders.ProgressMediaType
            ? ReadLines(stream, type, progress, cancellationToken)
            : JsonSerializer.Deserialize(stream, type) ?? throw Misunderstood("it answers with nothing"), cancellationToken);
    }

    /// <summary>A call that answers with nothing.</summary>
    internal void Call(HttpMethod method, string path, HttpContent? body = null, CancellationToken cancellationToken = default) =>
        Send(method, path, body, ApiHeaders.JsonMediaType, cancellationToken).Dispose();

    /// <summary>A call that answers with bytes.</summary>
    /// <param name="method">The HTTP method.</param>
    /// <param name="path">The path with its query.</param>
    /// <param name="body">What is sent, or null.</param>
    /// <param name="destination">Where they are written.</param>
    /// <param name="step">What progress calls it.</param>
    /// <param name="progress">Told how many came, or null.</param>
    /// <param name="cancellationToken">Gives the call up.</param>
    internal void Download(
        HttpMethod method, string path, HttpContent? body, Stream destination, string step, IProgress<ProgressReport>? progress, CancellationToken cancellationToken)
    {
        using var response = Send(method, path, body, "*/*", cancellationToken);
        using var stream = response.Content.ReadAsStream(cancellationToken);
        using var cancelled = cancellationToken.Register(stream.Dispose);
        byte[] buffer = new byte[BufferBytes];
        long done = 0;
        while (true)
        {
            int read = Guarded(() => stream.Read(buffer), cancellationToken);
            if (read == 0)
                return;
            destination.Write(buffer, 0, read); // its errors are those of who writes
            progress?.Report(new ProgressReport(step, done += read, -1));
        }
    }

    public void Dispose() => _http.Dispose();

    private HttpResponseMessage Send(HttpMethod method, string path, HttpContent? body, string accept, CancellationToken cancellationToken)
    {
        using var request = new HttpRequestMessage(method, new Uri(path, UriKind.Relative)) { Content = body };
        request.Headers.Accept.ParseAdd(accept);
        request.Headers.ExpectContinue = body is UploadContent;
        var response = Guarded(() => _http.Send(request, HttpCompletionOption.ResponseHeadersRead, cancellationToken), cancellationToken);
        if (response.IsSuccessStatusCode)
            return response;
        using (response)
        using (var stream = response.Content.ReadAsStream(cancellationToken))
            throw Failure(response.StatusCode, stream);
    }

    private StrataException Failure(HttpStatusCode status, Stream stream)
    {
        try
        {
            return Guarded(() => JsonSerializer.Deserialize(stream, ApiJson.Replies.ErrorReply)) is { Error: { } error } ? Failure(error) : Misunderstood($"it answers {(int)status}");
        }
        catch (JsonException)
        {
            return Misunderstood($"it answers {(int)status}, and not in its own words");
        }
    }

    private static StrataException Failure(ApiError error) => new(Enum.TryParse<ErrorKind>(error.Kind, out var kind) ? kind : ErrorKind.Unknown, error.Message);

    /// <summary>A line of JSON each: progress, and at last a result or an error.</summary>
    private T ReadLines<T>(Stream stream, JsonTypeInfo<T> type, IProgress<ProgressReport>? progress, CancellationToken cancellationToken)
    {
        using var cancelled = cancellationToken.Register(stream.Dispose);
        using var lines = new StreamReader(stream);
        while (Guarded(lines.ReadLine, cancellationToken) is { } line)
        {
            using var document = JsonDocument.Parse(line);
            var root = document.RootElement;
            if (root.TryGetProperty("result", out var result))
                return result.Deserialize(type) ?? throw Misunderstood("it answers with nothing");
            if (root.TryGetProperty("error", out var error))
                throw Failure(error.Deserialize(ApiJson.Replies.ApiError)!);
            if (root.TryGetProperty("progress", out var told))
                progress?.Report(new ProgressReport(told.GetProperty("step").GetString()!, told.GetProperty("done").GetInt64(), told.GetProperty("total").GetInt64()));
        }
        cancellationToken.ThrowIfCancellationRequested();
        throw CutOff(null);
    }

    /// <summary>What can go wrong on the way, in our words.</summary>
    private T Guarded<T>(Func<T> call, CancellationToken cancellationToken = default)
    {
        try
        {
            return call();
        }
        catch (Exception e) when (e is HttpRequestException or IOException or SocketException or ObjectDisposedException && cancellationToken.IsCancellationRequested)
        {
            throw new OperationCanceledException(e.Message, e, cancellationToken);
        }
        catch (HttpRequestException e) when (e.InnerException is StrataException known)
        {
            throw known;
        }
        catch (HttpRequestException e) when (e.InnerException is SourceException source)
        {
            System.Runtime.ExceptionServices.ExceptionDispatchInfo.Throw(source.InnerException!);
            throw;
        }
        catch (JsonException e)
        {
            throw Misunderstood(e.Message);
        }
        catch (Exception e) when (e is HttpRequestException or IOException)
        {
            throw CutOff(e);
        }
    }

    private StrataException CutOff(Exception? e) => StrataException.Unavailable(
        $"The daemon at {Socket} ended the call before it was answered{(e is null ? "" : $" ({e.GetBaseException().Message})")}. Look whether it was done, and into the daemon's log.", e);

    private StrataException Misunderstood(string what) => StrataException.Unavailable(
        $"What serves at {Socket} is not understood: {what}. Is it stratad's api socket, and of this version? 'strata --version' and GET /v1/status tell.");

    private static NetworkStream Connect(string path)
    {
        var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            socket.Connect(new UnixDomainSocketEndPoint(path));
            return new NetworkStream(socket, ownsSocket: true);
        }
        catch (Exception e) when (e is SocketException or ArgumentException)
        {
            socket.Dispose();
            throw e is SocketException { SocketErrorCode: SocketError.AccessDenied }
                ? StrataException.PermissionDenied($"You may not open the socket {path}. Its daemon's settings api-socket-group and api-socket-mode say who may.", e)
                : StrataException.Unavailable($"No daemon serves at {path}: {(Path.Exists(path) ? e.Message : "there is no such socket")}. Start 'stratad serve --api-socket {path}', or do without a daemon: --api-socket ''.", e);
        }
    }
}
