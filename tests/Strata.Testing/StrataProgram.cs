using System.Diagnostics;

namespace Strata.Testing;

/// <summary>The program as users run it, for tests that need a process of its own.</summary>
public static class StrataProgram
{
    /// <summary>
    /// Where it is: <c>$STRATA_TEST_PROGRAM</c>, the native one, where it was built before the tests, since it starts in a tenth of the time; else
    /// artifacts/bin/Strata.Cli/debug/strata, found from artifacts/bin/X.Tests/debug.
    /// </summary>
    public static string Path { get; } = Environment.GetEnvironmentVariable("STRATA_TEST_PROGRAM") is { Length: > 0 } native
        ? native
        : System.IO.Path.GetFullPath(System.IO.Path.Combine(
            AppContext.BaseDirectory, "../../Strata.Cli", System.IO.Path.GetFileName(System.IO.Path.TrimEndingDirectorySeparator(AppContext.BaseDirectory)), "strata"));

    /// <summary>Starts it with all three streams redirected, and without what the caller's environment says about stores.</summary>
    public static Process Start(IEnumerable<string> arguments, IReadOnlyDictionary<string, string>? environment = null)
    {
        var info = new ProcessStartInfo(Path, arguments) { RedirectStandardOutput = true, RedirectStandardError = true, RedirectStandardInput = true };
        info.Environment.Remove("STRATA_ROOT");
        info.Environment.Remove("STRATA_DRIVER");
        info.Environment["DOTNET_TieredPGO"] = "0";
        info.Environment["STRATA_WAIT"] = "1"; // what a command removed is gone when it ends: tests look, and unmount disks
        foreach (var (key, value) in environment ?? new Dictionary<string, string>())
            info.Environment[key] = value;
        return Process.Start(info)!;
    }
}
