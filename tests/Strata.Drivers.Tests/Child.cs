using System.Diagnostics;
using System.Runtime.CompilerServices;

namespace Strata.Drivers.Tests;

/// <summary>This test program as another process: it does one thing and ends, before any test is looked for.</summary>
internal static class Child
{
    private const string Variable = "STRATA_TEST_CHILD";

    /// <summary>Starts one.</summary>
    internal static Process Start(params string[] arguments) => StartUnder([], arguments);

    /// <summary>Starts one by another program, which gets this one's command line behind its own arguments.</summary>
    internal static Process StartUnder(string[] program, params string[] arguments)
    {
        string[] line = [.. program, Environment.ProcessPath!, .. Path.GetFileNameWithoutExtension(Environment.ProcessPath) == "dotnet" ? [typeof(Child).Assembly.Location] : (string[])[]];
        var start = new ProcessStartInfo(line[0], line[1..]) { RedirectStandardError = true, RedirectStandardOutput = true };
        start.Environment["DOTNET_EnableDiagnostics"] = "0"; // its pipes in /tmp would stay when it is killed
        start.Environment[Variable] = string.Join('\n', arguments);
        return Process.Start(start)!;
    }

    /// <summary>Waits for one; it must have succeeded.</summary>
    internal static void End(Process process)
    {
        string error = process.StandardError.ReadToEnd();
        process.WaitForExit();
        Assert.True(process.ExitCode == 0, error);
        process.Dispose();
    }

    [ModuleInitializer]
    internal static void Run()
    {
        if (Environment.GetEnvironmentVariable(Variable) is not { } text)
            return;
        Environment.SetEnvironmentVariable(Variable, null);
        try
        {
            Run(text.Split('\n'));
        }
        catch (Exception e)
        {
            Console.Error.WriteLine(e);
            Environment.Exit(1);
        }
        Environment.Exit(0);
    }

    private static void Run(string[] arguments)
    {
        if (arguments[0].StartsWith("shared-", StringComparison.Ordinal))
        {
            UseShared(new SharedMounts(arguments[1]), LayerId.Parse(arguments[2]), arguments[0] == "shared-die");
            return;
        }
        var driver = Rig.Open(arguments[1], arguments[2]);
        var id = LayerId.Parse(arguments[3]);
        switch (arguments[0])
        {
            case "get-put":
                for (int i = 0; i < 30; i++)
                {
                    string root = driver.Get(id);
                    if (File.ReadAllText(Path.Combine(root, arguments[4])) != "content")
                        throw new InvalidOperationException("the layer was not there");
                    File.WriteAllText(Path.Combine(root, arguments[5]), "x");
                    driver.Put(id);
                }
                break;
            case "life":
                Live(driver, id, LayerId.Parse(arguments[4]), arguments[5]);
                break;
            case "user-namespace":
                File.WriteAllText(arguments[4], UserNamespaceTests.Act(driver));
                File.WriteAllLines(arguments[4] + ".limits", UserNamespaceTests.TryLimits(driver));
                break;
            case "get-and-die":
                driver.Get(id);
                break;
            case "not-root":
                RunNotRoot(driver, arguments[2]);
                break;
            default:
                throw new InvalidOperationException(arguments[0]);
        }
    }

    private static void UseShared(SharedMounts shared, LayerId user, bool die)
    {
        var lower = LayerId.Parse("lower");
        for (int i = 0; i < 30; i++)
        {
            string point = shared.Acquire(lower, user, SharedMountsTests.MountMarked);
            if (!File.Exists(Path.Combine(point, "mark")))
                throw new InvalidOperationException("nothing is mounted");
            if (die)
                return;
            shared.Release(lower, user);
        }
    }

    /// <summary>The whole life of a layer; what is begun and done is told.</summary>
    private static void Live(IDriver driver, LayerId id, LayerId parent, string tar)
    {
        Step("create", () => driver.CreateReadWrite(id, parent));
        Step("apply", () =>
        {
            using var input = File.OpenRead(tar);
            driver.ApplyDiff(id, parent, input, new ApplyOptions { Writers = 1 });
        });
        Step("get", () => driver.Get(id));
        Step("put", () => driver.Put(id));
        Step("remove", () => driver.Remove(id));

        static void Step(string name, Action action)
        {
            Console.Out.WriteLine("begin " + name);
            action();
            Console.Out.WriteLine("end " + name);
        }
    }

    private static void RunNotRoot(IDriver driver, string home)
    {
        string around = Path.GetDirectoryName(home)!;
        var (lower, upper) = (LayerId.Parse("base"), LayerId.Parse("over"));
        driver.Create(lower, null);
        using (var tar = File.OpenRead(Path.Combine(around, "in.tar")))
            driver.ApplyDiff(lower, null, tar);
        driver.Create(upper, lower);
        using (var tar = File.OpenRead(Path.Combine(around, "over.tar")))
            driver.ApplyDiff(upper, lower, tar);
        using (var output = File.Create(Path.Combine(around, "base.out")))
            driver.Diff(lower, null, output);
        using (var output = File.Create(Path.Combine(around, "over.out")))
            driver.Diff(upper, lower, output);
        File.WriteAllText(Path.Combine(around, "changes.out"), string.Join('\n', driver.Changes(upper, lower)));
        driver.Create(LayerId.Parse("gone"), upper);
        driver.Remove(LayerId.Parse("gone"));
        if (driver.Exists(LayerId.Parse("gone")))
            throw new InvalidOperationException("the layer was not removed");
    }
}
