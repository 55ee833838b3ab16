using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using System.Threading.Channels;
using Strata.Api;
using Strata.Daemon.Operations;
using Strata.Daemon.Serving;

namespace Strata.Daemon.Api;

/// <summary>Long calls: each on a thread of its own, alive as long as there is progress, which the caller is told if he asks for it.</summary>
internal static class ApiProgress
{
    private const int ReportsUnderWay = 16;

    /// <summary>Runs a call and answers with what it returns, as one document or, if the caller accepts <see cref="ApiHeaders.ProgressMediaType"/>, line by line.</summary>
    internal static async Task AnswerAsync<T>(
        HttpContext context, ServeOptions options, ILogger log, Func<IProgress<ProgressReport>, T> call, JsonTypeInfo<T> type, int status = StatusCodes.Status200OK)
    {
        if (!context.Request.Headers.Accept.ToString().Contains(ApiHeaders.ProgressMediaType, StringComparison.OrdinalIgnoreCase))
        {
            var result = await CallThread.Run(() => call(new Reports(context, null)));
            context.Response.StatusCode = status;
            await ApiBodies.WriteAsync(context, result, type);
            return;
        }
        // What is not read in time is dropped: only the newest counts.
        var reports = Channel.CreateBounded<ProgressReport>(new BoundedChannelOptions(ReportsUnderWay) { FullMode = BoundedChannelFullMode.DropOldest, SingleReader = true });
        var work = CallThread.Run(() =>
        {
            try
            {
                return call(new Reports(context, reports.Writer));
            }
            finally
            {
                reports.Writer.Complete();
            }
        });
        try
        {
            await TellAsync(context, reports.Reader);
        }
        finally
        {
            await work.ContinueWith(_ => { }, CancellationToken.None, TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);
        }
        try
        {
            byte[] result = JsonSerializer.SerializeToUtf8Bytes(await work, type);
            if (!context.Response.HasStarted)
                context.Response.StatusCode = status;
            await LineAsync(context, json => Raw(json, "result", result));
        }
        catch (Exception e) when (context.Response.HasStarted && !context.RequestAborted.IsCancellationRequested)
        {
            CallMetrics.SetFailure(context, e);
            byte[] error = JsonSerializer.SerializeToUtf8Bytes(ApiErrors.Tell(context, e, options, log), ApiJson.Default.ApiError);
            await LineAsync(context, json => Raw(json, "error", error));
        }
    }

    private static async Task TellAsync(HttpContext context, ChannelReader<ProgressReport> reports)
    {
        while (await reports.WaitToReadAsync(context.RequestAborted))
        {
            while (reports.TryRead(out var report))
            {
                await LineAsync(context, json =>
                {
                    json.WriteStartObject("progress");
                    json.WriteString("step", report.Step);
                    json.WriteNumber("done", report.DoneBytes);
                    json.WriteNumber("total", report.TotalBytes);
                    json.WriteEndObject();
                });
            }
            await context.Response.Body.FlushAsync(context.RequestAborted);
        }
    }

    private static void Raw(Utf8JsonWriter json, string name, byte[] value)
    {
        json.WritePropertyName(name);
        json.WriteRawValue(value);
    }

    private static async Task LineAsync(HttpContext context, Action<Utf8JsonWriter> write)
    {
        if (!context.Response.HasStarted)
            context.Response.ContentType = ApiHeaders.ProgressMediaType;
        using var line = new MemoryStream();
        using (var json = new Utf8JsonWriter(line))
        {
            json.WriteStartObject();
            write(json);
            json.WriteEndObject();
        }
        line.WriteByte((byte)'\n');
        await context.Response.Body.WriteAsync(line.GetBuffer().AsMemory(0, (int)line.Length), context.RequestAborted);
    }

    private sealed class Reports(HttpContext context, ChannelWriter<ProgressReport>? told) : IProgress<ProgressReport>
    {
        private long _last;

        public void Report(ProgressReport value)
        {
            CallDeadline.PutOff(context);
            long now = Environment.TickCount64;
            if (told is null || now - Interlocked.Read(ref _last) < 50)
                return;
            Interlocked.Exchange(ref _last, now);
            told.TryWrite(value);
        }
    }
}
