using System.Diagnostics;
using OpenTelemetry;
using OpenTelemetry.Exporter;
using OpenTelemetry.Resources;
using OpenTelemetry.Trace;

namespace Strata.Daemon.Operations;

/// <summary>A span for each call of each door, in the caller's trace if he names one (W3C traceparent), sent to a collector by OTLP over HTTP if one is configured.</summary>
internal static class CallTraces
{
    /// <summary>What others who listen in this process find the spans by.</summary>
    internal const string SourceName = "Strata.Daemon";

    private static readonly ActivitySource Source = new(SourceName, ProgramVersion.Number);

    /// <summary>Begins to send; null: nowhere is configured. Disposed, it sends what it still holds.</summary>
    internal static TracerProvider? Export(Uri? endpoint) => endpoint is null ? null : Sdk.CreateTracerProviderBuilder()
        .AddSource(SourceName)
        .SetResourceBuilder(ResourceBuilder.CreateEmpty().AddService("stratad", serviceVersion: ProgramVersion.Number))
        .AddOtlpExporter(o =>
        {
            o.Endpoint = endpoint;
            o.Protocol = OtlpExportProtocol.HttpProtobuf;
        })
        .Build();

    /// <summary>Nothing is measured, and no more than a look is spent, where nobody listens.</summary>
    internal static RequestDelegate Middleware(RequestDelegate next) => async context =>
    {
        if (!Source.HasListeners())
        {
            await next(context);
            return;
        }
        ActivityContext.TryParse(context.Request.Headers.TraceParent, context.Request.Headers.TraceState, isRemote: true, out var caller);
        string door = CallMetrics.DoorOf(context), call = CallMetrics.CallOf(context);
        using var span = Source.StartActivity($"{door} {call}", ActivityKind.Server, caller);
        try
        {
            await next(context);
        }
        finally
        {
            if (span is not null)
            {
                string result = CallMetrics.ResultOf(context);
                span.SetTag("strata.door", door).SetTag("strata.call", call).SetTag("strata.result", result);
                span.SetStatus(result == "ok" ? ActivityStatusCode.Ok : ActivityStatusCode.Error, result == "ok" ? null : result);
            }
        }
    };
}
