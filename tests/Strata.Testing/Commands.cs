using System.Diagnostics;

namespace Strata.Testing;

/// <summary>Runs programs of the machine.</summary>
public static class Commands
{
    /// <summary>Runs a program to its end and returns its output; it must succeed.</summary>
    public static string Run(string program, params string[] arguments)
    {
        var (exitCode, output, error) = TryRun(program, arguments);
        return exitCode == 0
            ? output
            : throw new InvalidOperationException($"{program} {string.Join(' ', arguments)}: exit code {exitCode}\n{output}{error}");
    }

    /// <summary>Runs a program to its end.</summary>
    public static (int ExitCode, string Output, string Error) TryRun(string program, params string[] arguments)
    {
        var info = new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true, RedirectStandardError = true };
        using var process = Process.Start(info)!;
        var error = process.StandardError.ReadToEndAsync();
        string output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return (process.ExitCode, output, error.GetAwaiter().GetResult());
    }

    /// <summary>Unmounts, with patience: while another test starts a program, that has every descriptor of this process between fork and exec, also one on this mount.</summary>
    public static void Unmount(string point)
    {
        for (int i = 0; ; i++)
        {
            var (exitCode, _, error) = TryRun("umount", point);
            if (exitCode == 0)
                return;
            if (i == 50 || !error.Contains("busy", StringComparison.Ordinal))
            {
                TryRun("umount", "-l", point); // it fails, and is in nobody's way
                throw new InvalidOperationException($"umount {point}: exit code {exitCode}\n{error}");
            }
            Thread.Sleep(100);
        }
    }
}
