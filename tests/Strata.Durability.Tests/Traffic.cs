using System.Collections.Concurrent;
using System.Globalization;
using Strata.Testing;

namespace Strata.Durability.Tests;

/// <summary>Processes that do at random to one store what processes do: load, create, write, mount, commit, remove, collect. Some are killed.</summary>
internal sealed class Traffic : IDisposable
{
    private const int Images = 4;
    private readonly string _root;
    private readonly string _driver;
    private readonly string[] _files;
    private readonly int _seed;
    private readonly ConcurrentDictionary<int, Worker> _workers = new();
    private readonly ConcurrentBag<string> _bad = [];
    private readonly CancellationTokenSource _end = new();
    private readonly List<Thread> _threads = [];
    private int _commands, _refused, _kills;

    /// <param name="root">The store.</param>
    /// <param name="driver">Its driver.</param>
    /// <param name="scratch">Where the images' files go.</param>
    /// <param name="seed">Of what is done; when, the machine decides.</param>
    internal Traffic(string root, string driver, ScratchDirectory scratch, int seed)
    {
        (_root, _driver, _seed) = (root, driver, seed);
        _files = [.. Enumerable.Range(0, Images).Select(i => Image(i).ToLayout($"\"io.containerd.image.name\":\"{NameOf(i)}\"").WriteTar(scratch[$"image{i}.tar"]))];
    }

    /// <summary>What no command may answer, with the command.</summary>
    internal IReadOnlyCollection<string> Bad => _bad;

    internal string Summary => string.Create(CultureInfo.InvariantCulture, $"{_commands} commands, {_refused} of them refused since others had been faster, {_kills} processes killed");

    /// <summary>The images' names and files.</summary>
    internal IEnumerable<(string Name, string File)> All => _files.Select((file, i) => (NameOf(i), file));

    /// <summary>Starts some processes.</summary>
    internal void Start(int processes)
    {
        for (int i = 0; i < processes; i++)
        {
            int number = i;
            var thread = new Thread(() => Live(number)) { IsBackground = true, Name = $"traffic {i}" };
            _threads.Add(thread);
            thread.Start();
        }
    }

    /// <summary>Kills one of the processes, whatever it is doing; another one takes its place.</summary>
    internal void KillOne(Random random)
    {
        var running = _workers.Values.ToArray();
        if (running.Length == 0)
            return;
        running[random.Next(running.Length)].Kill();
        _kills++;
    }

    /// <summary>Lets the commands that run end, and no other begin.</summary>
    internal void Stop()
    {
        _end.Cancel();
        foreach (var thread in _threads)
            thread.Join();
        _threads.Clear();
    }

    public void Dispose()
    {
        Stop();
        _end.Dispose();
    }

    private void Live(int number)
    {
        var random = new Random((_seed * 1000) + number);
        int made = 0;
        while (!_end.IsCancellationRequested)
        {
            using var worker = _workers[number] = new Worker();
            while (!_end.IsCancellationRequested)
            {
                string[] words = Choose(random, number, ref made);
                string? answer = worker.Run(_root, _driver, words);
                if (answer is null)
                    break; // killed
                Interlocked.Increment(ref _commands);
                if (answer == "")
                    continue;
                Interlocked.Increment(ref _refused);
                // Others remove, use or make what this one wanted to use or make. Nothing else may happen.
                if (!new[] { "NotFound", "AlreadyExists", "FailedPrecondition", "Unavailable" }.Any(kind => answer.StartsWith(kind, StringComparison.Ordinal)))
                    _bad.Add($"{string.Join(' ', words)}: {answer}");
            }
            _workers.TryRemove(number, out _);
        }
    }

    private string[] Choose(Random random, int number, ref int made)
    {
        string box = $"box-{number}-{made % 3}", image = $"made-{number}:{random.Next(2)}", any = NameOf(random.Next(Images));
        made += random.Next(2);
        return random.Next(20) switch
        {
            < 6 => ["load", _files[random.Next(Images)]],
            < 9 => ["create", box, any],
            < 11 => ["write", box, $"text {made}"],
            11 => ["mount", box],
            12 => ["umount", box],
            13 => ["commit", box, image],
            < 16 => ["rm", box],
            16 => ["rm", image],
            17 or 18 => ["rm", any],
            _ => ["gc"],
        };
    }

    private static string NameOf(int image) => $"localhost/image{image}:1";

    /// <summary>Images that share their base, two of them also the layer above.</summary>
    private static TestImage Image(int number)
    {
        var basis = new TarBuilder().Dir(".").Dir("etc").File("etc/a", "one").File("etc/b", "two");
        for (int i = 0; i < 40; i++)
            basis.File($"file{i}", $"{i} {new string('b', i * 200)}");
        return new TestImage().Layer(basis, "gzip")
            .Layer(new TarBuilder().Dir("etc").Whiteout("etc/b").File("etc/c", $"shared {number / 2}").File("large", new string('l', 150_000)), "gzip")
            .Layer(new TarBuilder().Dir("own").File("own/number", NameOf(number)), "gzip");
    }
}
