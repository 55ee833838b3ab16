using Grpc.Core;
using Grpc.Core.Interceptors;
using Strata.Daemon.Operations;

namespace Strata.Daemon.Containerd;

/// <summary>The one table of what an error is on the wire; every call passes through it.</summary>
internal sealed class ErrorInterceptor(ILogger<ErrorInterceptor> log) : Interceptor
{
    public override async Task<TResponse> UnaryServerHandler<TRequest, TResponse>(
        TRequest request, ServerCallContext context, UnaryServerMethod<TRequest, TResponse> continuation)
    {
        try
        {
            return await continuation(request, context);
        }
        catch (Exception e) when (e is not RpcException)
        {
            throw Translate(e, context);
        }
    }

    public override async Task ServerStreamingServerHandler<TRequest, TResponse>(
        TRequest request, IServerStreamWriter<TResponse> responseStream, ServerCallContext context, ServerStreamingServerMethod<TRequest, TResponse> continuation)
    {
        try
        {
            await continuation(request, responseStream, context);
        }
        catch (Exception e) when (e is not RpcException)
        {
            throw Translate(e, context);
        }
    }

    internal static StatusCode CodeOf(ErrorKind kind) => kind switch
    {
        ErrorKind.NotFound => StatusCode.NotFound,
        ErrorKind.AlreadyExists => StatusCode.AlreadyExists,
        ErrorKind.InvalidArgument => StatusCode.InvalidArgument,
        ErrorKind.FailedPrecondition => StatusCode.FailedPrecondition,
        ErrorKind.NotSupported => StatusCode.Unimplemented,
        ErrorKind.PermissionDenied => StatusCode.PermissionDenied,
        ErrorKind.Exhausted => StatusCode.ResourceExhausted,
        ErrorKind.Corrupt => StatusCode.DataLoss,
        ErrorKind.Unavailable => StatusCode.Unavailable,
        _ => StatusCode.Unknown,
    };

    private RpcException Translate(Exception e, ServerCallContext context)
    {
        switch (e)
        {
            case StrataException known:
                return new RpcException(new Status(CodeOf(known.Kind), known.Message, e));
            case OperationCanceledException when CallDeadline.HasPassed(context.GetHttpContext()) || context.Deadline <= DateTime.UtcNow:
                return new RpcException(new Status(StatusCode.DeadlineExceeded, "The call took longer than its deadline, or the call-timeout, and was given up.", e));
            case OperationCanceledException:
                return new RpcException(new Status(StatusCode.Cancelled, "The call was cancelled.", e));
            default:
                log.LogError(e, "{Method} failed", context.Method);
                return new RpcException(new Status(StatusCode.Internal, e.Message, e));
        }
    }
}
