using System.Collections.Concurrent;
using Spectre.Console;

namespace Strata.Cli;

/// <summary>Progress bars on standard error while something runs; nothing at all where that is no terminal.</summary>
internal static class ProgressBars
{
    internal static T Run<T>(Func<IProgress<ProgressReport>?, T> work)
    {
        if (Console.IsErrorRedirected)
            return work(null);
        return Make().Start(context => work(new Bars(context)));
    }

    internal static Task<T> RunAsync<T>(Func<IProgress<ProgressReport>?, Task<T>> work) =>
        Console.IsErrorRedirected ? work(null) : Make().StartAsync(context => work(new Bars(context)));

    private static Progress Make() => AnsiConsole.Create(new AnsiConsoleSettings { Out = new AnsiConsoleOutput(Console.Error) }).Progress()
        .AutoClear(true)
        .Columns(new TaskDescriptionColumn(), new ProgressBarColumn(), new PercentageColumn(), new DownloadedColumn(), new TransferSpeedColumn());

    private sealed class Bars(ProgressContext context) : IProgress<ProgressReport>
    {
        private readonly ConcurrentDictionary<string, ProgressTask> _tasks = new();

        public void Report(ProgressReport value)
        {
            var task = _tasks.GetOrAdd(value.Step, step => context.AddTask(Markup.Escape(step), maxValue: Math.Max(value.TotalBytes, 1)));
            if (value.TotalBytes < 0)
                task.IsIndeterminate = true;
            task.Value = value.DoneBytes;
        }
    }
}
