using System.ComponentModel;
using System.Diagnostics;

namespace Strata.Drivers;

/// <summary>Runs a program of the system that a driver needs: one that makes file systems, <c>zfs</c>.</summary>
/// <remarks>Its messages are those of the C locale. Nothing it is given is seen by a shell.</remarks>
internal static class ExternalProgram
{
    private const string SystemDirectories = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

    /// <summary>Where a program is; null: nowhere.</summary>
    internal static string? Find(string name)
    {
        string path = (Environment.GetEnvironmentVariable("PATH") is { Length: > 0 } own ? own + ":" : "") + SystemDirectories; // those of the administrator are often not in it
        return path.Split(':', StringSplitOptions.RemoveEmptyEntries).Select(directory => Path.Combine(directory, name)).FirstOrDefault(File.Exists);
    }

    /// <summary>Runs a program; what it wrote, and whether it succeeded.</summary>
    /// <exception cref="StrataException">NotSupported: there is no such program.</exception>
    internal static ProgramResult Run(string name, params IReadOnlyList<string> arguments)
    {
        string path = Find(name) ?? throw StrataException.NotSupported($"There is no program {name}.");
        var start = new ProcessStartInfo(path, arguments) { RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true };
        start.Environment["LC_ALL"] = "C";
        try
        {
            using var process = Process.Start(start)!;
            process.StandardInput.Close();
            var error = Task.Run(process.StandardError.ReadToEnd);
            string output = process.StandardOutput.ReadToEnd();
            process.WaitForExit();
            return new ProgramResult(process.ExitCode, output, error.GetAwaiter().GetResult().Trim());
        }
        catch (Win32Exception e)
        {
            throw StrataException.NotSupported($"Can't run {path}: {e.Message}", e);
        }
    }
}
