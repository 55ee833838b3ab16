using Strata.Api;
using Strata.Daemon.Operations;
using Strata.Daemon.Serving;

namespace Strata.Daemon.Api;

/// <summary>The one table of what an error is to a caller of the API.</summary>
internal static class ApiErrors
{
    internal static int StatusOf(ErrorKind kind) => kind switch
    {
        ErrorKind.NotFound => StatusCodes.Status404NotFound,
        ErrorKind.AlreadyExists => StatusCodes.Status409Conflict,
        ErrorKind.InvalidArgument => StatusCodes.Status400BadRequest,
        ErrorKind.FailedPrecondition => StatusCodes.Status409Conflict,
        ErrorKind.NotSupported => StatusCodes.Status501NotImplemented,
        ErrorKind.PermissionDenied => StatusCodes.Status403Forbidden,
        ErrorKind.Exhausted => StatusCodes.Status507InsufficientStorage,
        ErrorKind.Unavailable => StatusCodes.Status503ServiceUnavailable,
        _ => StatusCodes.Status500InternalServerError,
    };

    /// <summary>What was sent is refused: that it is damaged is its sender's doing, not the store's.</summary>
    internal static void BlameSender(HttpContext context) => context.Items[typeof(ApiErrors)] = true;

    /// <summary>Runs a call; what it throws is answered as JSON, or cuts the connection if bytes were sent already.</summary>
    internal static RequestDelegate Answering(RequestDelegate call, ServeOptions options, ILogger log) => async context =>
    {
        try
        {
            await call(context);
        }
        catch (Exception e)
        {
            CallMetrics.SetFailure(context, e);
            var error = Tell(context, e, options, log);
            if (context.Response.HasStarted)
            {
                context.Abort(); // half a tar must not look like a whole one
                return;
            }
            context.Response.StatusCode = StatusOf(context, e);
            await ApiBodies.WriteAsync(context, new ErrorReply(error), ApiJson.Default.ErrorReply);
        }
    };

    /// <summary>What the caller is told; what should not happen goes into the log, too.</summary>
    internal static ApiError Tell(HttpContext context, Exception e, ServeOptions options, ILogger log)
    {
        if (StatusOf(context, e) >= StatusCodes.Status500InternalServerError && e is not OperationCanceledException)
            log.LogError(e, "{Method} {Path} failed", context.Request.Method, context.Request.Path.Value);
        return e switch
        {
            StrataException known => new ApiError(known.Kind.ToString(), known.Message),
            OperationCanceledException when CallDeadline.HasPassed(context) =>
                new ApiError("Cancelled", $"The call took longer than {options.CallTimeout.TotalSeconds:0} s, the call-timeout, and was given up."),
            OperationCanceledException => new ApiError("Cancelled", "The call was given up by its caller."),
            BadHttpRequestException bad => new ApiError(nameof(ErrorKind.InvalidArgument), bad.Message),
            System.Text.Json.JsonException json => new ApiError(nameof(ErrorKind.InvalidArgument), $"The body is not what the call takes: {json.Message}"),
            _ => new ApiError(nameof(ErrorKind.Unknown), e.Message),
        };
    }

    private static int StatusOf(HttpContext context, Exception e) => e switch
    {
        StrataException { Kind: ErrorKind.Corrupt } when context.Items.ContainsKey(typeof(ApiErrors)) => StatusCodes.Status422UnprocessableEntity,
        StrataException known => StatusOf(known.Kind),
        OperationCanceledException when CallDeadline.HasPassed(context) => StatusCodes.Status504GatewayTimeout,
        OperationCanceledException => StatusCodes.Status499ClientClosedRequest,
        BadHttpRequestException bad => bad.StatusCode,
        System.Text.Json.JsonException => StatusCodes.Status400BadRequest,
        _ => StatusCodes.Status500InternalServerError,
    };
}
