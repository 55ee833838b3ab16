using System.Text.Json;
using Microsoft.Extensions.Logging.Console;

namespace Strata.Daemon.Operations;

/// <summary>Logs: a line each on standard error, as text or as JSON.</summary>
internal static class LogSetup
{
    internal const string Text = "text", Json = "json";
    internal static readonly string[] Levels = ["error", "warning", "info", "debug"];

    internal static void Add(ILoggingBuilder logging, string format, string level)
    {
        logging.SetMinimumLevel(level switch
        {
            "error" => LogLevel.Error,
            "info" => LogLevel.Information,
            "debug" => LogLevel.Debug,
            _ => LogLevel.Warning,
        });
        // The server's own words are of interest to who works on it.
        logging.AddFilter("Microsoft", LogLevel.Warning).AddFilter("Grpc", LogLevel.Warning);
        if (format == Json)
        {
            logging.AddJsonConsole(o =>
            {
                o.UseUtcTimestamp = true;
                o.TimestampFormat = "yyyy-MM-ddTHH:mm:ss.fffZ";
                o.JsonWriterOptions = new JsonWriterOptions { Indented = false };
            });
        }
        else
        {
            logging.AddSimpleConsole(o =>
            {
                o.SingleLine = true;
                o.UseUtcTimestamp = true;
                o.TimestampFormat = "yyyy-MM-ddTHH:mm:ss.fffZ ";
                o.ColorBehavior = LoggerColorBehavior.Disabled;
            });
        }
        logging.Services.Configure<ConsoleLoggerOptions>(o => o.LogToStandardErrorThreshold = LogLevel.Trace);
    }
}
