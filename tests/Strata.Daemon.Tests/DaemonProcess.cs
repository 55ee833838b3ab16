using System.Diagnostics;
using Strata.Testing;

namespace Strata.Daemon.Tests;

/// <summary>A daemon that a test started: its output goes to a file; ended by its process ID.</summary>
internal sealed class DaemonProcess : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(90); // the machine may be busy
    private readonly Process _process;
    private readonly StringWriter _output = new();

    /// <summary>stratad as it was built beside these tests.</summary>
    internal static string Stratad { get; } =
        Path.GetFullPath(Path.Combine(AppContext.BaseDirectory, "../../Strata.Daemon", Path.GetFileName(Path.TrimEndingDirectorySeparator(AppContext.BaseDirectory)), "stratad"));

    internal DaemonProcess(string program, params string[] arguments)
    {
        var info = new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true, RedirectStandardError = true };
        _process = new Process { StartInfo = info };
        _process.OutputDataReceived += (_, e) => Append(e.Data);
        _process.ErrorDataReceived += (_, e) => Append(e.Data);
        _process.Start();
        _process.BeginOutputReadLine();
        _process.BeginErrorReadLine();
    }

    internal int Id => _process.Id;

    internal string Output
    {
        get
        {
            lock (_output)
                return _output.ToString();
        }
    }

    /// <summary>Waits for something that the daemon does.</summary>
    internal void Await(Func<bool> condition, string what)
    {
        for (var end = Stopwatch.StartNew(); !condition(); Thread.Sleep(30))
            Assert.True(end.Elapsed < Patience && !_process.HasExited, $"{_process.StartInfo.FileName}: {what} did not come\n{Output}");
    }

    /// <summary>Stops it as a service manager would.</summary>
    internal void Stop()
    {
        Commands.TryRun("kill", "-TERM", $"{_process.Id}");
        AwaitExit();
    }

    /// <summary>Ends it at once.</summary>
    internal void Kill()
    {
        _process.Kill();
        AwaitExit();
    }

    public void Dispose()
    {
        using var closing = new Closing();
        if (!_process.HasExited)
            closing.Do(Stop);
        if (!_process.HasExited)
            closing.Do(Kill); // what is left of a failed test must not go on
        closing.Do(_process.Dispose);
    }

    private void AwaitExit() => Assert.True(_process.WaitForExit(Patience), $"{_process.StartInfo.FileName} did not end\n{Output}");

    private void Append(string? line)
    {
        lock (_output)
            _output.WriteLine(line);
    }
}
