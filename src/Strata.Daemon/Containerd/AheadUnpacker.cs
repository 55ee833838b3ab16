using System.Threading.Channels;
using Strata.Store;

namespace Strata.Daemon.Containerd;

/// <summary>
/// Applies the layers that come into containerd's content store while the rest of their image still comes: an import unpacks only when all is there. A
/// differ's call then takes what is applied, or waits for what is being applied.
/// </summary>
/// <remarks>
/// Layers come to light as files of the content store, by inotify(7); those below <see cref="MinBytes"/> are not worth it. One is applied at a time, in
/// the order they came. What nobody took after <see cref="KeepFor"/> is removed: it was for another snapshotter, or for nobody. Nothing here can make a
/// call fail, or end the daemon: what goes wrong is left to the call that asks for the layer.
/// </remarks>
/// <param name="store">The store.</param>
/// <param name="containerd">Who knows where its content store is.</param>
/// <param name="log">Told what is not applied ahead, and why.</param>
/// <param name="watch">Makes what watches a directory; null: as the kernel does.</param>
internal sealed partial class AheadUnpacker(Store.Store store, ContainerdClient containerd, ILogger<AheadUnpacker> log, Func<string, FileSystemWatcher>? watch = null) : BackgroundService
{
    private const long MinBytes = 1 << 20;
    private const int FreeTimesBlob = 10; // an unpacked layer is seldom more than ten times its blob
    private static readonly TimeSpan KeepFor = TimeSpan.FromMinutes(10);
    private static readonly TimeSpan RetryAfter = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan LookEvery = TimeSpan.FromSeconds(1);
    private readonly Lock _gate = new();
    private readonly Dictionary<Digest, Work> _works = [];
    private string _said = ""; // what goes wrong again and again is told once, until something is applied again

    /// <summary>Gives a snapshot a layer that was applied ahead. Waits for one that is being applied.</summary>
    /// <param name="mounts">The snapshot's mounts, as they were handed out.</param>
    /// <param name="blob">The layer's blob.</param>
    /// <param name="moved">Told now and then while the layer is read, so that the call's deadline is put off.</param>
    /// <param name="cancellationToken">Ends the waiting.</param>
    /// <returns>What was applied. Null: it was not, or the snapshot can't have it and is as it was; whoever applies it to the snapshot is told why, if he can't either.</returns>
    internal AppliedLayer? Adopt(IReadOnlyList<Strata.Mount> mounts, Digest blob, Action<long> moved, CancellationToken cancellationToken)
    {
        using var layer = Take(blob, moved, cancellationToken);
        try
        {
            return layer is null ? null : store.Snapshots.Adopt(mounts, layer, cancellationToken);
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            if (!IsForeseen(e))
                Surprised(log, e);
            NotAdopted(log, blob, e.Message);
            return null;
        }
    }

    private AheadLayer? Take(Digest blob, Action<long> moved, CancellationToken cancellationToken)
    {
        Work? work;
        lock (_gate)
        {
            if (!_works.Remove(blob, out work) || !work.Begun)
                return null; // one that waits for its turn is left to the call: what takes it out of the table is what its turn looks at
        }
        try
        {
            for (long seen = -1; !work.Applied.Wait(LookEvery, cancellationToken);)
            {
                long bytes = work.Bytes;
                if (bytes != seen)
                    moved(0);
                seen = bytes;
            }
            return work.Applied.Result;
        }
        catch (OperationCanceledException)
        {
            Drop(work);
            throw;
        }
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        if (!store.Snapshots.CanApplyAhead)
        {
            NotWithThisDriver(log, store.Driver.Name);
            return;
        }
        try
        {
            while (true)
            {
                try
                {
                    if (await ContentFile.FindDirectoryAsync(containerd, stoppingToken) is { } blobs)
                        await WatchAsync(blobs, stoppingToken);
                }
                catch (Exception e) when (!stoppingToken.IsCancellationRequested) // whatever it is: the daemon must not end by what nobody asked for
                {
                    Tell(e);
                }
                foreach (var work in Remove(work => !work.Begun)) // nobody comes to them any more; a call may
                    Drop(work);
                await Task.Delay(RetryAfter, stoppingToken);
            }
        }
        catch (OperationCanceledException)
        {
            // the daemon stops
        }
        finally
        {
            foreach (var work in Remove(_ => true))
                Drop(work);
        }
    }

    /// <summary>Applies what comes into a directory, until it is gone or can't be watched.</summary>
    private async Task WatchAsync(string blobs, CancellationToken cancellationToken)
    {
        var came = Channel.CreateUnbounded<string>(new UnboundedChannelOptions { SingleReader = true });
        using var watcher = watch?.Invoke(blobs) ?? new FileSystemWatcher(blobs);
        watcher.NotifyFilter = NotifyFilters.FileName;
        watcher.Created += (_, e) => Note(e.FullPath, came.Writer);
        watcher.Renamed += (_, e) => Note(e.FullPath, came.Writer);
        watcher.Error += (_, e) => came.Writer.TryComplete(e.GetException()); // that too many directories are watched comes here, too
        watcher.EnableRaisingEvents = true;
        if (!came.Reader.Completion.IsCompleted)
            Watching(log, blobs);
        while (true)
        {
            using var look = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
            look.CancelAfter(KeepFor / 10);
            try
            {
                if (!await came.Reader.WaitToReadAsync(look.Token))
                    return;
                while (came.Reader.TryRead(out string? path))
                    await Task.Factory.StartNew(() => Apply(path, cancellationToken), CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
            }
            catch (OperationCanceledException) when (look.IsCancellationRequested && !cancellationToken.IsCancellationRequested)
            {
                if (!Directory.Exists(blobs))
                    return;
            }
            foreach (var old in Remove(work => work.Applied.IsCompleted && work.Made < DateTime.UtcNow - KeepFor))
                Drop(old);
        }
    }

    private void Note(string path, ChannelWriter<string> came)
    {
        if (DigestOf(path) is not { } blob || new FileInfo(path) is not { Exists: true, Length: >= MinBytes })
            return;
        lock (_gate)
        {
            if (!_works.TryAdd(blob, new Work()))
                return;
        }
        came.TryWrite(path);
    }

    private void Apply(string path, CancellationToken cancellationToken)
    {
        var blob = DigestOf(path)!.Value;
        Work work;
        lock (_gate)
        {
            if (!_works.TryGetValue(blob, out work!) || work.Begun)
                return; // a call applies it, or it came twice
            work.Begun = true;
        }
        AheadLayer? layer = null;
        try
        {
            using var file = ContentFile.Open(path, bytes => work.Bytes += bytes);
            if (IsCompressed(file) && !store.Snapshots.HasBlob(blob) && new DriveInfo(store.Root).AvailableFreeSpace > FreeTimesBlob * file.Length)
            {
                layer = store.Snapshots.ApplyAhead(new LayerInput { Open = () => file, BlobDigest = blob, BlobBytes = file.Length }, cancellationToken);
                _said = "";
            }
        }
        catch (Exception e) when (IsForeseen(e))
        {
            NotAhead(log, blob, e.Message); // the call that wants it says what is wrong
        }
        catch (Exception e)
        {
            Tell(e);
        }
        finally // somebody may wait
        {
            work.End(layer);
            if (layer is null)
                Forget(blob, work);
        }
    }

    private void Forget(Digest blob, Work work)
    {
        lock (_gate)
        {
            if (_works.TryGetValue(blob, out var still) && still == work)
                _works.Remove(blob);
        }
    }

    private void Tell(Exception e)
    {
        if (_said == e.Message)
            return;
        _said = e.Message;
        if (IsForeseen(e))
            CantWatch(log, e.Message);
        else
            Surprised(log, e);
    }

    private static bool IsForeseen(Exception e) => e is StrataException or IOException or UnauthorizedAccessException or OperationCanceledException or InternalBufferOverflowException;

    private List<Work> Remove(Func<Work, bool> which)
    {
        lock (_gate)
        {
            var found = _works.Where(pair => which(pair.Value)).ToList();
            foreach (var (blob, _) in found)
                _works.Remove(blob);
            return [.. found.Select(pair => pair.Value)];
        }
    }

    /// <summary>Removes a layer that nobody wants, when it is applied.</summary>
    private static void Drop(Work work)
    {
        if (work.Begun)
            work.Applied.ContinueWith(applied => applied.Result?.Dispose(), CancellationToken.None, TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);
    }

    private static bool IsCompressed(ContentFile file) => file.Begins([0x1F, 0x8B]) || file.Begins([0x28, 0xB5, 0x2F, 0xFD]); // gzip (RFC 1952), zstd (RFC 8878)

    private static Digest? DigestOf(string path) => Digest.TryParse($"{Path.GetFileName(Path.GetDirectoryName(path))}:{Path.GetFileName(path)}", out var digest) ? digest : null;

    [LoggerMessage(Level = LogLevel.Information, Message = "layers that come into {Directory} are applied ahead")]
    private static partial void Watching(ILogger log, string directory);

    [LoggerMessage(Level = LogLevel.Warning, Message = "containerd-ahead is of no use here: the {Driver} driver can't apply a layer before it knows what it is on")]
    private static partial void NotWithThisDriver(ILogger log, string driver);

    [LoggerMessage(Level = LogLevel.Warning, Message = "containerd's content store can't be watched, and nothing is applied ahead: {Reason} (the limits of inotify are in /proc/sys/fs/inotify)")]
    private static partial void CantWatch(ILogger log, string reason);

    [LoggerMessage(Level = LogLevel.Error, Message = "what applies layers ahead failed by surprise, and goes on with the next")]
    private static partial void Surprised(ILogger log, Exception surprise);

    [LoggerMessage(Level = LogLevel.Information, Message = "{Blob} was applied ahead, and is applied again: the snapshot can't have it: {Reason}")]
    private static partial void NotAdopted(ILogger log, Digest blob, string reason);

    [LoggerMessage(Level = LogLevel.Information, Message = "{Blob} was not applied ahead: {Reason}")]
    private static partial void NotAhead(ILogger log, Digest blob, string reason);

    private sealed class Work
    {
        private readonly TaskCompletionSource<AheadLayer?> _applied = new(TaskCreationOptions.RunContinuationsAsynchronously);

        internal Task<AheadLayer?> Applied => _applied.Task;

        internal bool Begun { get; set; }

        internal long Bytes { get; set; }

        internal DateTime Made { get; private set; }

        internal void End(AheadLayer? layer)
        {
            Made = DateTime.UtcNow;
            _applied.SetResult(layer);
        }
    }
}
