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
        var console = AnsiConsole.Create(new AnsiConsoleSettings { Out = new AnsiConsoleOutput(Console.Error) });
        return console.Progress()
            .AutoClear(true)
            .Columns(new TaskDescriptionColumn(), new ProgressBarColumn(), new PercentageColumn(), new DownloadedColumn(), new TransferSpeedColumn())
            .Start(context => work(new Bars(context)));
    }

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
