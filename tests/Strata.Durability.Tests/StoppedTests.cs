using System.Globalization;
using Strata.Testing;

namespace Strata.Durability.Tests;

/// <summary>A process that stops in the middle of unpacking, copying or deleting keeps nobody from anything but that very layer.</summary>
public sealed class StoppedTests
{
    /// <summary>What is stopped, at which call: one of those by which it moves data.</summary>
    public static TheoryData<string, string, string> Cases() => new()
    {
        { "overlay", "load", "utimensat" }, { "erofs", "load", "renameat" }, { "vfs", "load", "utimensat" },
        { "vfs", "create", "copy_file_range" },
        { "overlay", "rm", "unlinkat" }, { "erofs", "rm", "unlinkat" }, { "vfs", "rm", "unlinkat" },
    };

    [Theory, MemberData(nameof(Cases))]
    public async Task Others_go_on_while_a_process_is_stopped_in_the_middle(string driver, string command, string call)
    {
        Assert.SkipUnless(Environment.IsPrivilegedProcess, "needs root: it mounts");
        using var scratch = new ScratchDirectory();
        string root = scratch["store"];
        string one = Image(1).ToLayout("\"io.containerd.image.name\":\"one:1\"").WriteTar(scratch["one.tar"]);
        string two = Image(2).ToLayout("\"io.containerd.image.name\":\"two:1\"").WriteTar(scratch["two.tar"]);
        string[] stopped = command switch
        {
            "load" => ["load", one],
            "create" => ["create", "stopped", "base:1"],
            _ => ["rm", "one:1"],
        };
        string basis = Image(3).ToLayout("\"io.containerd.image.name\":\"base:1\"").WriteTar(scratch["base.tar"]);
        Command.Run(root, driver, ["load", basis]);
        if (command == "rm")
            Command.Run(root, driver, ["load", one]);
        using var worker = new Worker(processors: 1);
        int at = FindCall(worker, root, driver, stopped, call, scratch["calls.log"]);
        if (at == 0)
            Assert.Skip($"{driver} {command} makes no {call} here");
        Undo(command, root, driver, one);
        using (new CallTracer(worker, null, "signal=SIGSTOP", new CallPoint(call, at, "")))
        {
            worker.Begin(root, driver, stopped);
            WaitUntilStopped(worker.Id);
        }
        // All that others want to do, while it has its leases, locks and half a layer.
        var others = Task.Run(() =>
        {
            foreach (string[] words in (string[][])[["open"], ["load", two], ["create", "box", "two:1"], ["write", "box", "text"], ["commit", "box", "made:1"], ["rm", "box"], ["rm", "made:1"], ["create", "box", "base:1"], ["rm", "box"], ["rm", "two:1"], ["load", two]])
                Command.Run(root, driver, words);
            using var store = Command.Open(root, driver);
            Assert.Contains(store.ListImages(), i => i.Names.Contains("two:1"));
            Assert.DoesNotContain(store.Check(), f => f.Kind.ToString() != "Leftover"); // what the stopped one has yet to delete
        }, TestContext.Current.CancellationToken);
        bool ended = await Task.WhenAny(others, Task.Delay(TimeSpan.FromSeconds(60), TestContext.Current.CancellationToken)) == others;
        Commands.Run("kill", "-CONT", worker.Id.ToString(CultureInfo.InvariantCulture));
        await others; // an error of theirs is told first
        Assert.True(ended, "somebody waited for a stopped process");
        Assert.Equal("", worker.End());
        new WholeStore(root, driver).Look("afterwards");
    }

    [Theory, InlineData("overlay"), InlineData("erofs"), InlineData("vfs")]
    public async Task The_same_layer_is_unpacked_once_and_by_another_if_the_first_dies(string driver)
    {
        Assert.SkipUnless(Environment.IsPrivilegedProcess, "needs root: it mounts");
        using var scratch = new ScratchDirectory();
        string root = scratch["store"];
        string file = Image(1).ToLayout("\"io.containerd.image.name\":\"one:1\"").WriteTar(scratch["one.tar"]);
        Command.Run(root, driver, ["open"]);
        using var first = new Worker(processors: 1);
        string call = driver == "erofs" ? "renameat" : "utimensat"; // which nothing but the unpacking makes
        int at = FindCall(first, root, driver, ["load", file], call, scratch["calls.log"]);
        Undo("load", root, driver, file);
        using (new CallTracer(first, null, "signal=SIGSTOP", new CallPoint(call, at, "")))
        {
            first.Begin(root, driver, "load", file);
            WaitUntilStopped(first.Id);
        }
        using var second = new Worker();
        second.Begin(root, driver, "load", file);
        var answer = Task.Run(second.End, TestContext.Current.CancellationToken);
        Assert.False(await Task.WhenAny(answer, Task.Delay(TimeSpan.FromSeconds(1), TestContext.Current.CancellationToken)) == answer, $"the second one did not wait for the first at {call} {at}: {(answer.IsCompleted ? await answer : "")}{first.HasExited}");
        first.Kill();
        Assert.Equal("", await answer);
        new WholeStore(root, driver).Look("afterwards");
    }

    /// <summary>Runs the command twice, so that it is warm, and finds a call in the middle of those that move data; 0: there is none.</summary>
    private static int FindCall(Worker worker, string root, string driver, string[] command, string call, string log)
    {
        for (int i = 0; i < 2; i++)
        {
            if (i > 0)
                Undo(command[0], root, driver, command[1]);
            using (new CallTracer(worker, log))
                Assert.Equal("", worker.Run(root, driver, command));
        }
        string home = Path.Combine(root, driver) + "/";
        var moving = CallTracer.ReadPoints(log, home).Where(p => p.Call == call).ToArray();
        return moving.Length == 0 ? 0 : moving[moving.Length / 2].Count;
    }

    private static void Undo(string command, string root, string driver, string file)
    {
        Command.Run(root, driver, command switch
        {
            "load" => ["rm", "one:1"],
            "create" => ["rm", "stopped"],
            _ => ["load", Path.Combine(Path.GetDirectoryName(root)!, "one.tar")],
        });
        Assert.True(File.Exists(file) || command != "load");
    }

    private static void WaitUntilStopped(int id)
    {
        // For a while: each call that is traced stops it for a moment too.
        for (int i = 0, still = 0; i < 6000; i++)
        {
            string status = File.ReadAllText($"/proc/{id}/stat");
            still = status[status.LastIndexOf(')') + 2] is 'T' or 't' ? still + 1 : 0;
            if (still == 40)
                return;
            Thread.Sleep(10);
        }
        Assert.Fail("it was not stopped");
    }

    private static TestImage Image(int number)
    {
        var tar = new TarBuilder().Dir(".").Dir("etc").File("etc/a", "a");
        for (int i = 0; i < 12; i++)
            tar.File($"file{i}", $"image {number} {new string('x', 70_000)}");
        return new TestImage().Layer(tar, "gzip");
    }
}
