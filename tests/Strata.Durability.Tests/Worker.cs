using System.Diagnostics;
using System.Globalization;
using System.Runtime.CompilerServices;

namespace Strata.Durability.Tests;

/// <summary>This test program as another process, which runs the commands that it is told, until it is killed or told no more.</summary>
/// <remarks>One that stays is warm: what is traced of it is what the command does, not how the runtime starts.</remarks>
internal sealed class Worker : IDisposable
{
    private const string Variable = "STRATA_TEST_WORKER";
    private readonly Process _process;

    /// <param name="processors">How many processors it believes in; 1 makes its system calls come in the same order each time.</param>
    internal Worker(int? processors = null)
    {
        string self = Environment.ProcessPath!;
        var start = new ProcessStartInfo(self, Path.GetFileNameWithoutExtension(self) == "dotnet" ? [typeof(Worker).Assembly.Location] : [])
        {
            RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true,
        };
        start.Environment[Variable] = "1";
        start.Environment["DOTNET_EnableDiagnostics"] = "0"; // its pipes in /tmp would stay when it is killed
        start.Environment["DOTNET_TieredPGO"] = "0";
        start.Environment["DOTNET_EnableWriteXorExecute"] = "0"; // maps less
        start.Environment["SOURCE_DATE_EPOCH"] = "1700000000";
        if (processors is { } count)
            start.Environment["DOTNET_PROCESSOR_COUNT"] = count.ToString("X", CultureInfo.InvariantCulture);
        _process = Process.Start(start)!;
        _process.ErrorDataReceived += (_, e) => Said += e.Data + "\n";
        _process.BeginErrorReadLine();
    }

    /// <summary>What it wrote to standard error: nothing, if all is well.</summary>
    internal string Said { get; private set; } = "";

    internal int Id => _process.Id;

    internal bool HasExited => _process.HasExited;

    /// <summary>Has a command run: "" if it succeeded, else the error's kind and message; null: the process died.</summary>
    internal string? Run(string root, string driver, params string[] words)
    {
        Begin(root, driver, words);
        return End();
    }

    /// <summary>Has a command begun.</summary>
    internal void Begin(string root, string driver, params string[] words)
    {
        try
        {
            _process.StandardInput.WriteLine(string.Join('\t', (string[])[root, driver, .. words]));
            _process.StandardInput.Flush();
        }
        catch (IOException)
        {
            return; // it is dead: End tells
        }
    }

    /// <summary>Waits for the command's end.</summary>
    internal string? End()
    {
        string? answer = _process.StandardOutput.ReadLine();
        if (answer is null)
            _process.WaitForExit();
        return answer?.Replace('\t', '\n');
    }

    internal void Kill()
    {
        _process.Kill();
        _process.WaitForExit();
    }

    public void Dispose()
    {
        if (!_process.HasExited)
            Kill();
        _process.Dispose();
    }

    [ModuleInitializer]
    internal static void Serve()
    {
        if (Environment.GetEnvironmentVariable(Variable) is null)
            return;
        Environment.SetEnvironmentVariable(Variable, null);
        using var input = new StreamReader(Console.OpenStandardInput());
        using var output = new StreamWriter(Console.OpenStandardOutput());
        while (input.ReadLine() is { } line)
        {
            string[] words = line.Split('\t');
            string answer = "";
            try
            {
                Command.Run(words[0], words[1], words[2..]);
            }
            catch (StrataException e)
            {
                answer = $"{e.Kind}: {e.Message}";
            }
            catch (Exception e)
            {
                answer = $"CRASH: {e}"; // no caller of the library need expect it
            }
            output.WriteLine(answer.Replace('\n', '\t'));
            output.Flush();
        }
        Environment.Exit(0);
    }
}
