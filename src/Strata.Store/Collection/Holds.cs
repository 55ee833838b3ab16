using System.Globalization;
using System.Text;
using Strata.Trees;

namespace Strata.Store;

/// <summary>
/// The layers that this store object registered or found lately: collection leaves them alone until they are named by something, or the object is
/// closed, its process ends, or an hour has passed.
/// </summary>
/// <remarks>
/// A file of lines <c>TIME CHAIN</c>, and beside it one that is locked while the object lives. Written under the shared lock of collection and before
/// the metadata is asked, read under the exclusive one and before the metadata is changed: so a layer is seen as held, or seen as gone.
/// </remarks>
internal sealed class Holds(StoreLayout layout) : IDisposable
{
    internal static readonly TimeSpan Lifetime = TimeSpan.FromHours(1);
    private const int LinesToRewrite = 10_000;
    private readonly Lock _gate = new();
    private readonly Queue<(long Time, string Chain)> _lines = [];
    private string? _path;
    private ProcessLock? _alive;
    private int _written;

    /// <summary>Holds layers, whether they are there or not yet.</summary>
    internal void Add(IReadOnlyCollection<ChainId> chains) => Add([.. chains.Select(chain => chain.Digest)]);

    /// <summary>Holds layers, by chain ID, and images, by manifest.</summary>
    internal void Add(IReadOnlyCollection<Digest> chains)
    {
        if (chains.Count == 0)
            return;
        long now = DateTimeOffset.UtcNow.ToUnixTimeMilliseconds();
        using var collecting = ProcessLock.Acquire(layout.CollectLock, shared: true);
        lock (_gate)
        {
            if (_path is null)
            {
                string path = Path.Combine(layout.Holds, LayerId.New().ToString());
                _alive = ProcessLock.Acquire(LockOf(path));
                _path = path;
            }
            while (_lines.TryPeek(out var oldest) && now - oldest.Time > Lifetime.TotalMilliseconds)
                _lines.Dequeue();
            foreach (var chain in chains)
                _lines.Enqueue((now, chain.ToString()));
            bool rewrite = _written > LinesToRewrite && _lines.Count < _written / 2;
            var text = new StringBuilder();
            foreach (var (time, chain) in rewrite ? _lines : chains.Select(chain => (now, chain.ToString())))
                text.Append(CultureInfo.InvariantCulture, $"{time} {chain}\n");
            byte[] bytes = Encoding.ASCII.GetBytes(text.ToString());
            using (var file = new FileStream(_path, rewrite ? FileMode.Create : FileMode.Append, FileAccess.Write, FileShare.ReadWrite, 0))
                file.Write(bytes);
            _written = rewrite ? _lines.Count : _written + chains.Count;
        }
    }

    /// <summary>All layers that are held now. Under the exclusive lock of collection.</summary>
    /// <param name="layout">Where.</param>
    /// <param name="sweep">True: removes what objects left that are no more.</param>
    internal static HashSet<string> Read(StoreLayout layout, bool sweep)
    {
        var held = new HashSet<string>(StringComparer.Ordinal);
        long now = DateTimeOffset.UtcNow.ToUnixTimeMilliseconds();
        foreach (string lockPath in Directory.GetFiles(layout.Holds, "*.lock"))
        {
            string path = lockPath[..^".lock".Length];
            using var dead = ProcessLock.TryAcquire(lockPath);
            if (dead is not null)
            {
                if (sweep)
                {
                    File.Delete(path);
                    File.Delete(lockPath);
                }
                continue;
            }
            if (!File.Exists(path))
                continue; // just ended
            foreach (string line in File.ReadLines(path))
            {
                int space = line.IndexOf(' ', StringComparison.Ordinal);
                if (space > 0 && long.TryParse(line.AsSpan(0, space), NumberStyles.None, CultureInfo.InvariantCulture, out long time) && now - time <= Lifetime.TotalMilliseconds)
                    held.Add(line[(space + 1)..]);
            }
        }
        return held;
    }

    public void Dispose()
    {
        lock (_gate)
        {
            if (_path is null)
                return;
            try
            {
                File.Delete(_path);
                File.Delete(LockOf(_path));
            }
            catch (Exception e) when (FileErrors.Is(e))
            {
                return; // what was done is done; the next collection finds a hold of nobody
            }
            finally
            {
                _alive!.Dispose();
                _path = null;
            }
        }
    }

    private static string LockOf(string path) => path + ".lock";
}
