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
            var (status, error) = Explain(context, e, options);
            if (status >= StatusCodes.Status500InternalServerError && e is not OperationCanceledException)
                log.LogError(e, "{Method} {Path} failed", context.Request.Method, context.Request.Path.Value);
            if (context.Response.HasStarted)
            {
                context.Abort(); // half a tar must not look like a whole one
                return;
            }
            context.Response.StatusCode = status;
            await ApiJson.WriteAsync(context, new ErrorReply(error), ApiJson.Default.ErrorReply);
        }
    };

    private static (int Status, ApiError Error) Explain(HttpContext context, Exception e, ServeOptions options) => e switch
    {
        StrataException known => (StatusOf(known.Kind), new ApiError(known.Kind.ToString(), known.Message)),
        OperationCanceledException when CallDeadline.HasPassed(context) => (
            StatusCodes.Status504GatewayTimeout, new ApiError("Cancelled", $"The call took longer than {options.CallTimeout.TotalSeconds:0} s, the call-timeout, and was given up.")),
        OperationCanceledException => (StatusCodes.Status499ClientClosedRequest, new ApiError("Cancelled", "The call was given up by its caller.")),
        BadHttpRequestException bad => (bad.StatusCode, new ApiError(nameof(ErrorKind.InvalidArgument), bad.Message)),
        System.Text.Json.JsonException json => (StatusCodes.Status400BadRequest, new ApiError(nameof(ErrorKind.InvalidArgument), $"The body is not what the call takes: {json.Message}")),
        _ => (StatusCodes.Status500InternalServerError, new ApiError(nameof(ErrorKind.Unknown), e.Message)),
    };
}
