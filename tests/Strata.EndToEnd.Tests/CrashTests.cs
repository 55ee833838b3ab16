using System.Diagnostics;
using Strata.Testing;

namespace Strata.EndToEnd.Tests;

/// <summary>Kills, signals, full disks and many processes: the store is whole afterwards.</summary>
public sealed class CrashTests
{
    [Theory, InlineData("erofs"), InlineData("overlay"), InlineData("vfs")]
    public void A_killed_load_leaves_nothing_and_works_again(string driver)
    {
        using var cli = new Cli(driver);
        string file = cli.Layout(Cli.Image(files: 1500));
        cli.Run("images"); // the store is there
        double whole = double.MaxValue; // the first one may take much longer than those after it
        for (int i = 0; i < 2; i++)
        {
            var watch = Stopwatch.StartNew();
            cli.Run("load", file);
            whole = Math.Min(whole, watch.Elapsed.TotalMilliseconds);
            cli.Run("rm", "test:1");
        }
        int killed = 0;
        for (int i = 1; i <= 5; i++)
        {
            using var process = cli.Start("load", file);
            if (!process.WaitForExit(TimeSpan.FromMilliseconds(whole * (0.2 + (i * 0.14)))))
            {
                process.Kill();
                killed++;
            }
            process.WaitForExit();
            Assert.Contains(cli.AssertWhole(killed: true), new[] { 0, 2 }); // opening swept
        }
        Assert.True(killed > 0);
        cli.Run("load", file);
        cli.Run("rm", "test:1");
        Assert.Equal(0, cli.AssertWhole(killed: true));
    }

    [Theory, InlineData("create"), InlineData("rm")]
    public void A_killed_create_or_rm_is_undone_or_finished(string verb)
    {
        using var cli = new Cli("vfs"); // which copies and deletes whole trees
        cli.Run("load", cli.Layout(Cli.Image(files: 1500)));
        for (int i = 1; i <= 4; i++)
        {
            if (verb == "rm")
                cli.Run("create", "box", "--from", "test:1");
            using (var process = cli.Start(verb == "rm" ? ["rm", "box"] : ["create", "box", "--from", "test:1"]))
            {
                if (!process.WaitForExit(TimeSpan.FromMilliseconds(150 + (i * 60))))
                    process.Kill();
                process.WaitForExit();
            }
            Assert.Equal(2, cli.AssertWhole(killed: true));
            if (cli.Json("status").GetProperty("writable").GetArrayLength() == 1)
                cli.Run("rm", "box");
        }
    }

    [Theory, InlineData("load"), InlineData("apply")]
    public void Interrupted_it_ends_with_130_and_leaves_nothing(string how)
    {
        using var cli = new Cli("overlay");
        byte[] image = Cli.Image(files: 1500).ToLayout().ToTar();
        cli.Run("images");
        // A pipe that stays open keeps it in the middle of reading.
        using var process = cli.Start(how == "load" ? ["load"] : ["apply"]);
        var input = process.StandardInput.BaseStream;
        byte[] first = how == "load" ? image : Cli.Image(files: 1500).Tars[0];
        input.Write(first, 0, first.Length / 2);
        input.Flush();
        Thread.Sleep(700);
        Commands.Run("kill", "-INT", process.Id.ToString(System.Globalization.CultureInfo.InvariantCulture));
        Thread.Sleep(300);
        try
        {
            input.Write(first, first.Length / 2, first.Length / 4);
            input.Flush();
            process.StandardInput.Close();
        }
        catch (IOException)
        {
            Assert.True(process.WaitForExit(TimeSpan.FromSeconds(30))); // it had ended already
        }
        var (code, _, error) = Cli.Wait(process);
        Assert.True(code == 130, $"{code}: {error}");
        Assert.Contains("cancelled", error, StringComparison.Ordinal);
        Assert.Equal(0, cli.AssertWhole());
    }

    [Theory, InlineData("erofs"), InlineData("overlay"), InlineData("vfs")]
    public void A_full_disk_ends_with_8_and_leaves_the_store_as_it_was(string driver)
    {
        using var cli = new Cli(driver);
        cli.Root = Path.Combine(cli.Scratch.MountTmpfs("disk", "size=20m"), "store");
        cli.Run("load", cli.Layout(Cli.Image(), "small:1"));
        string large = cli.Layout(Cli.Image(files: 12_000), "large:1");
        Assert.Contains("No space left", cli.Fail(8, "load", large), StringComparison.Ordinal);
        Assert.Equal(2, cli.AssertWhole());
        Commands.Run("gzip", "-k", large);
        cli.Fail(8, "load", large + ".gz");
        cli.AssertWhole();
        cli.Run("create", "box", "--from", "small:1");
        Assert.Equal("one", cli.Shell("strata export box | tar -xO etc/a"));
    }

    [Fact]
    public void Two_loads_at_once_unpack_once()
    {
        using var cli = new Cli("overlay");
        string file = cli.Layout(Cli.Image(files: 1000));
        Process[] both = [cli.Start("load", file), cli.Start("load", file), cli.Start("load", file)];
        foreach (var process in both)
        {
            var (code, _, error) = Cli.Wait(process);
            Assert.True(code == 0, error);
            process.Dispose();
        }
        Assert.Equal(2, cli.AssertWhole());
    }

    [Theory, InlineData("erofs"), InlineData("overlay"), InlineData("vfs")]
    public async Task Many_processes_leave_a_whole_store(string driver)
    {
        using var cli = new Cli(driver);
        string[] files = [cli.Layout(Cli.Image(files: 50), "one:1"), cli.Layout(Cli.Image(files: 51), "two:1")];
        cli.Run("load", files[0]);
        var until = DateTime.UtcNow.AddSeconds(6);
        var bad = new System.Collections.Concurrent.ConcurrentBag<string>();
        await Task.WhenAll(Enumerable.Range(0, 4).Select(worker => Task.Factory.StartNew(
            () =>
            {
                for (int i = 0; DateTime.UtcNow < until; i++)
                {
                    string box = $"box-{worker}-{i}", made = $"made-{worker}:{i}";
                    foreach (string[] arguments in (string[][])[["load", files[(worker + i) % 2]], ["create", box, "--from", worker % 2 == 0 ? "one:1" : "two:1"], ["commit", box, "-t", made], ["save", made, "-o", "/dev/null"], ["rm", box], ["rm", made], ["rm", files.Length % 2 == i % 2 ? "one:1" : "two:1"]])
                    {
                        var (code, _, error) = cli.Try(arguments);
                        // Others remove what this one wanted to use: not found, in use, try again. Nothing else.
                        if (code is not (0 or 3 or 5 or 10))
                            bad.Add($"strata {string.Join(' ', arguments)}: {code} {error}");
                    }
                }
            },
            CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default)));
        Assert.Empty(bad);
        cli.AssertWhole();
        foreach (string name in cli.Json("status").GetProperty("writable").EnumerateArray().Select(w => w.GetProperty("name").GetString()!))
            cli.Run("rm", name);
        foreach (string file in files)
            cli.Run("load", file);
        foreach (string id in cli.Json("images").EnumerateArray().Select(i => i.GetProperty("manifest").GetString()!))
        {
            cli.Run("save", id, "-o", "/dev/null"); // all of it is there and unchanged
            cli.Run("rm", id);
        }
        cli.AssertWhole();
    }
}
