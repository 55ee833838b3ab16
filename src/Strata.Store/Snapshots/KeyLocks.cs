namespace Strata.Store;

/// <summary>A lock for each key, as long as somebody wants it: calls for different keys never wait for each other. Of this process only.</summary>
internal sealed class KeyLocks
{
    private readonly Dictionary<string, Entry> _entries = new(StringComparer.Ordinal);

    /// <summary>Waits for a key; disposing gives it back.</summary>
    internal Held Acquire(string key, CancellationToken cancellationToken = default)
    {
        Entry? entry;
        lock (_entries)
        {
            if (!_entries.TryGetValue(key, out entry))
                _entries.Add(key, entry = new Entry());
            entry.Wanted++;
        }
        try
        {
            entry.Semaphore.Wait(cancellationToken);
        }
        catch
        {
            Forget(key, entry);
            throw;
        }
        return new Held(this, key, entry);
    }

    /// <summary>Waits for two keys, always in the same order.</summary>
    internal (Held First, Held? Second) Acquire(string one, string other)
    {
        int order = string.CompareOrdinal(one, other);
        if (order == 0)
            return (Acquire(one), null);
        var first = Acquire(order < 0 ? one : other);
        return (first, Acquire(order < 0 ? other : one));
    }

    private void Release(string key, Entry entry)
    {
        entry.Semaphore.Release();
        Forget(key, entry);
    }

    private void Forget(string key, Entry entry)
    {
        lock (_entries)
        {
            if (--entry.Wanted == 0)
                _entries.Remove(key);
        }
    }

    internal sealed class Held(KeyLocks locks, string key, Entry entry) : IDisposable
    {
        public void Dispose() => locks.Release(key, entry);
    }

    internal sealed class Entry
    {
        internal SemaphoreSlim Semaphore { get; } = new(1, 1);

        internal int Wanted { get; set; }
    }
}
