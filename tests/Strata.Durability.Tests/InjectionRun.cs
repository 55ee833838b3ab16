using Strata.Testing;

namespace Strata.Durability.Tests;

/// <summary>One command on one driver, interrupted again and again.</summary>
internal sealed class InjectionRun : IDisposable
{
    private readonly ScratchDirectory _scratch = new();
    private readonly Scenario _scenario;
    private readonly string _driver;
    private readonly WholeStore _whole;
    private readonly string _file;
    private readonly List<string> _summary = [];
    private CallPoint[] _points = [];
    private Worker? _warm;
    private Task<Worker>? _next;
    private string _before = "", _after = "";
    private string[] _clean = [];

    internal InjectionRun(string driver, Scenario scenario)
    {
        _scenario = scenario;
        _driver = driver;
        // In memory: the system calls are the same, and nobody waits for a disk.
        _whole = new WholeStore(Path.Combine(_scratch.MountTmpfs("disk", "size=200m"), "store"), driver);
        _file = Image().ToLayout("\"io.containerd.image.name\":\"test:1\"").WriteTar(_scratch["image.tar"]);
        Environment.SetEnvironmentVariable("SOURCE_DATE_EPOCH", "1700000000");
    }

    /// <summary>What went wrong, a line each.</summary>
    internal List<string> Problems { get; } = [];

    /// <summary>How many calls the command makes that change something.</summary>
    internal int Calls => _points.Length;

    /// <summary>How many points were tried.</summary>
    internal int Points { get; private set; }

    /// <summary>How often a shared mount had to be swept.</summary>
    internal int Swept { get; private set; }

    /// <summary>What was tried and what came of it.</summary>
    internal string Summary => string.Join(", ", _summary);

    /// <summary>Does the command undisturbed: what it is to lead to, and which calls it makes.</summary>
    internal void Record()
    {
        _warm = new Worker(processors: 1);
        Must(_scenario.Before);
        for (int i = 0; i < 2; i++) // the first one warms up
        {
            _before = _whole.Look("before");
            string log = _scratch["calls.log"];
            using (new CallTracer(_warm, log))
                Assert.Equal("", _warm.Run(_whole.Root, _driver, Words(_scenario.Command)));
            _after = _whole.Look("after");
            _points = CallTracer.ReadPoints(log, _whole.Root);
            Must(_scenario.After);
            Must([["gc"]]);
            _clean = _whole.Listing();
            Must(_scenario.Before);
        }
        Assert.NotEmpty(_points);
    }

    /// <summary>Tries some of the points, spread over all.</summary>
    internal void Try(string fault, int most)
    {
        int count = Math.Min(most, _points.Length), done = 0, undone = 0, died = 0, repaired = 0;
        for (int i = 0; i < count; i++)
        {
            var point = _points[count == _points.Length ? i : (int)(((i + 0.5) * _points.Length) / count)];
            string when = $"{_driver} {_scenario.Name} {fault} at {point.Call} {point.Count} ({point.Shown})";
            try
            {
                string? answer = Interrupt(fault, point, when);
                died += answer is null ? 1 : 0;
                repaired += Recover(answer, when) ? 1 : 0;
                done += answer == "" ? 1 : 0;
                undone += answer is { Length: > 0 } ? 1 : 0;
            }
            catch (Exception e) when (e is not OutOfMemoryException)
            {
                Problems.Add($"{when}: {e}");
                Reset();
            }
            Points++;
        }
        _summary.Add($"{fault[(fault.IndexOf('=', StringComparison.Ordinal) + 1)..]} {count} points ({died} died, {undone} failed, {done} succeeded, {repaired} repaired)");
    }

    public void Dispose()
    {
        _warm?.Dispose();
        _next?.GetAwaiter().GetResult().Dispose();
        _scratch.Dispose();
    }

    private string? Interrupt(string fault, CallPoint point, string when)
    {
        if (fault.StartsWith("signal", StringComparison.Ordinal))
        {
            using var victim = (_next ?? Task.Run(() => new Worker(processors: 1))).GetAwaiter().GetResult();
            _next = Task.Run(() => new Worker(processors: 1)); // starts while this one is looked after
            using var killer = new CallTracer(victim, null, fault, point);
            string? last = victim.Run(_whole.Root, _driver, Words(_scenario.Command));
            return last is { Length: > 0 } ? throw new InvalidOperationException($"{when}: {last}") : last;
        }
        using var tracer = new CallTracer(_warm!, null, fault, point);
        string? answer = _warm!.Run(_whole.Root, _driver, Words(_scenario.Command));
        if (answer is null || answer.StartsWith("CRASH", StringComparison.Ordinal) || answer.StartsWith("Unknown", StringComparison.Ordinal))
            throw new InvalidOperationException($"it crashed: {answer}{_warm.Said}");
        return answer;
    }

    /// <summary>Looks at the store, does the command again, and makes all as it was before; true: something had to be repaired.</summary>
    private bool Recover(string? answer, string when)
    {
        UnmountAll();
        bool repairedBefore = _whole.Repaired;
        string now = _whole.Look(when, killed: answer is null);
        if (answer == "")
            Assert.True(now == _after, $"it succeeded, but made\n{now}, not\n{_after}");
        string? again = null;
        try
        {
            Command.Run(_whole.Root, _driver, Words(_scenario.Command));
        }
        catch (StrataException e) when (e.Kind == _scenario.MayBeDone && now == _after)
        {
            again = e.Message; // it was done the first time
        }
        string then = _whole.Look(when + ", repeated");
        Assert.True(then == _after, $"repeated ({again}), it made\n{then}, not\n{_after}");
        Must(_scenario.After);
        if (answer != "" || _whole.Listing().Any(path => path.StartsWith("holds/", StringComparison.Ordinal) || path == "locks/ID"))
            Must([["gc"]]); // what harms nobody is collected; a hold or a lock's file that could not be removed is no failure of what was done
        Assert.Equal(_clean, _whole.Listing());
        Must(_scenario.Before);
        Assert.Equal(_before, _whole.Look(when + ", before the next one"));
        return _whole.Repaired != repairedBefore;
    }

    /// <summary>After a problem: a new store, so that the next points tell of themselves.</summary>
    private void Reset()
    {
        if (_warm!.HasExited)
            _warm = new Worker(processors: 1);
        foreach (string point in Mounts.AtOrBelow(_whole.Root).Reverse())
            Commands.TryRun("umount", "-l", point);
        Commands.Run("rm", "-rf", "--one-file-system", _whole.Root);
        Must(_scenario.Before);
    }

    /// <summary>What a killed command left mounted is unmounted as a user would.</summary>
    private void UnmountAll()
    {
        using var store = Command.Open(_whole.Root, _driver);
        foreach (var box in store.ListWritable())
        {
            while (store.FindMountPoint(box) is not null)
                store.Unmount(box.Name);
        }
        // What a dead user's overlay lay on stays mounted until somebody sweeps: a removal, a clean-up.
        if (Mounts.AtOrBelow(_whole.Root).Any(point => point.Contains("/lowers/", StringComparison.Ordinal) || point.Contains("/chains/", StringComparison.Ordinal)))
        {
            store.Check(repair: true);
            Swept++;
        }
    }

    private void Must(string[][] commands)
    {
        foreach (string[] words in commands)
            Command.Run(_whole.Root, _driver, Words(words));
    }

    private string[] Words(string[] words) => [.. words.Select(w => w == "FILE" ? _file : w)];

    private static TestImage Image() => new TestImage()
        .Layer(new TarBuilder().Dir(".").Dir("etc", 0x1C0, 5, 6).File("etc/a", "one").File("etc/b", "two").File("big", new string('x', 200_000)).Symlink("s", "etc/a").Hardlink("h", "etc/a"), "gzip")
        .Layer(new TarBuilder().Dir("etc", 0x1ED).Whiteout("etc/b").File("etc/c", "three").File("etc/c", "replaced").Xattr("user.x", 1, 2).File("x", "attributed"), "gzip");
}
