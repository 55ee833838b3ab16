using System.Diagnostics;
using System.Globalization;
using Strata.Testing;

namespace Strata.Durability.Tests;

/// <summary>
/// Each command is killed, and meets a full disk and a broken one, at each system call by which it changes something. After each the store opens, every
/// layer is whole or absent, nothing is left, and the same command succeeds.
/// </summary>
/// <remarks>STRATA_TEST_CRASH_POINTS says how many points of each command, driver and fault are tried; 100000 means all of them.</remarks>
public sealed class InjectionTests(ITestOutputHelper output)
{
    private static readonly int PointsOfEach =
        int.TryParse(Environment.GetEnvironmentVariable("STRATA_TEST_CRASH_POINTS"), CultureInfo.InvariantCulture, out int asked) ? asked : 2;

    /// <summary>Every command on every driver.</summary>
    public static TheoryData<string, string> Cases()
    {
        var cases = new TheoryData<string, string>();
        foreach (string driver in (string[])["erofs", "overlay", "vfs"])
        {
            foreach (var scenario in Scenario.All)
                cases.Add(driver, scenario.Name);
        }
        return cases;
    }

    [Theory, MemberData(nameof(Cases))]
    public void At_any_system_call_a_kill_or_an_error_leaves_a_whole_store(string driver, string name)
    {
        Assert.SkipUnless(Environment.IsPrivilegedProcess, "needs root: it mounts");
        using var run = new InjectionRun(driver, Scenario.All.Single(s => s.Name == name));
        var watch = Stopwatch.StartNew();
        run.Record();
        foreach (string fault in (string[])["error=ENOSPC", "error=EIO", "signal=SIGKILL"])
            run.Try(fault, PointsOfEach);
        output.WriteLine($"{driver} {name}: {run.Calls} changing calls; {run.Summary}; {run.Swept} shared mounts swept; {watch.Elapsed.TotalSeconds:F1} s");
        Assert.True(run.Problems.Count == 0, $"{run.Problems.Count} of {run.Points} points:\n{string.Join('\n', run.Problems.Take(20))}");
    }
}
