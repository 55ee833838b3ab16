using System.Runtime.ExceptionServices;
using Strata.Drivers;
using Strata.Store.Metadata;
using Strata.Trees;

namespace Strata.Store;

/// <summary>Unpacks the layers of one image into the driver, several at a time where it can, and syncs them together.</summary>
/// <remarks>Owns what it made until <see cref="Keep"/>: disposed before that, it removes all of it, the topmost first.</remarks>
internal sealed class LayerUnpacker : IDisposable
{
    private const int ThreadsForEachCore = 4;
    private const long LargeBlobBytes = 16 << 20;
    private readonly IDriver _driver;
    private readonly StoreLayout _layout;
    private readonly LayerLimits _limits;
    private readonly LayerInput[] _inputs;
    private readonly LayerRecord? _below;
    private readonly IProgress<ProgressReport>? _progress;
    private readonly List<(LayerId Id, Lease Lease)> _made = [];
    private readonly TaskCompletionSource[] _applied;
    private bool _keep;

    internal LayerUnpacker(
        IDriver driver, StoreLayout layout, LayerLimits limits, LayerInput[] inputs, LayerRecord? below, IProgress<ProgressReport>? progress)
    {
        _driver = driver;
        _layout = layout;
        _limits = limits;
        _inputs = inputs;
        _below = below;
        _progress = progress;
        _applied = inputs.Select(_ => new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously)).ToArray();
    }

    /// <summary>Unpacks all; what is returned is on disk, synced, and named by no metadata yet.</summary>
    internal List<LayerRecord> Run(CancellationToken cancellationToken)
    {
        var results = new LayerRecord[_inputs.Length];
        int cores = Environment.ProcessorCount;
        bool together = _driver.Capabilities.AppliesWithoutParent && cores > 1 && _inputs.Length > 1;
        if (together)
        {
            var parent = _below?.DriverId;
            for (int i = 0; i < _inputs.Length; i++)
                parent = Make(parent);
            // More threads than cores: one that waits for its parent lets another work.
            using var running = new SemaphoreSlim(cores);
            var order = OrderOfBeginning(cores * 2, out int large);
            foreach (int i in order)
                _inputs[i].Announce?.Invoke();
            RunTogether(results, order, Math.Min(Math.Max(cores * ThreadsForEachCore, large + cores), _inputs.Length), running, cancellationToken);
        }
        else
        {
            foreach (var input in _inputs)
                input.Announce?.Invoke();
            for (int i = 0; i < _inputs.Length; i++)
            {
                Make(i == 0 ? _below?.DriverId : _made[i - 1].Id);
                results[i] = Apply(i, writers: 0, null, cancellationToken);
            }
        }
        var chain = _below?.ChainId;
        for (int i = 0; i < results.Length; i++)
        {
            results[i] = results[i] with { ChainId = ChainId.Of(chain, results[i].DiffId), Parent = chain };
            chain = results[i].ChainId;
            SmallFile.Create(_layout.LayerFact(results[i].DriverId), Fact.Of(results[i])); // synced below, with the rest
        }
        _driver.Sync();
        // The driver's home may be a mount of its own; where it is not, nothing is left to do here.
        DurableFile.SyncFileSystem(_layout.Recipes);
        return results.ToList();
    }

    /// <summary>The metadata names the layers now.</summary>
    internal void Keep() => _keep = true;

    public void Dispose()
    {
        for (int i = _made.Count - 1; i >= 0; i--)
        {
            var (id, lease) = _made[i];
            using (lease)
            {
                if (_keep)
                    continue;
                try
                {
                    File.Delete(_layout.LayerFact(id));
                    _driver.Remove(id);
                    File.Delete(_layout.Recipe(id));
                }
                catch (Exception e) when (e is StrataException or IOException or UnauthorizedAccessException)
                {
                    // Must not hide why the layer failed; the next opening of the store removes it.
                    lease.LeaveForRecovery();
                }
            }
        }
    }

    private LayerId Make(LayerId? parent)
    {
        var id = LayerId.New();
        _made.Add((id, Lease.Take(_layout, id)));
        _driver.Create(id, parent);
        return id;
    }

    /// <summary>
    /// The largest layers first, so that none of them is left to one core at the end; then the others, from the base up. All large ones have begun
    /// when the others do, and there are more threads than large ones: so the lowest layer that is not applied always runs, or is the next to
    /// begin, and whoever waits for its parents gets them.
    /// </summary>
    private int[] OrderOfBeginning(int mostLarge, out int large)
    {
        int[] first = Enumerable.Range(0, _inputs.Length).Where(i => _inputs[i].BlobBytes >= LargeBlobBytes).OrderByDescending(i => _inputs[i].BlobBytes).Take(mostLarge).ToArray();
        large = first.Length;
        return [.. first, .. Enumerable.Range(0, _inputs.Length).Except(first)];
    }

    private void RunTogether(LayerRecord[] results, int[] order, int workers, SemaphoreSlim running, CancellationToken cancellationToken)
    {
        using var failed = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        int next = -1;
        Exception? error = null;
        var threads = new Thread[workers];
        for (int t = 0; t < workers; t++)
        {
            threads[t] = new Thread(() =>
            {
                for (int turn = Interlocked.Increment(ref next); turn < order.Length; turn = Interlocked.Increment(ref next))
                {
                    int i = order[turn];
                    try
                    {
                        running.Wait(failed.Token);
                        try
                        {
                            results[i] = Apply(i, writers: 1, running, failed.Token);
                        }
                        finally
                        {
                            running.Release();
                        }
                    }
                    catch (Exception e)
                    {
                        if (e is not OperationCanceledException || cancellationToken.IsCancellationRequested)
                            Interlocked.CompareExchange(ref error, e, null); // thrown below, where all threads have ended
                        failed.Cancel();
                        _applied[i].TrySetCanceled(CancellationToken.None);
                        return;
                    }
                }
            }) { IsBackground = true, Name = $"unpack {t}" };
            threads[t].Start();
        }
        foreach (var thread in threads)
            thread.Join();
        if (error is not null)
            ExceptionDispatchInfo.Throw(error);
        cancellationToken.ThrowIfCancellationRequested();
    }

    private LayerRecord Apply(int index, int writers, SemaphoreSlim? running, CancellationToken cancellationToken)
    {
        var input = _inputs[index];
        var id = _made[index].Id;
        var parent = index == 0 ? _below?.DriverId : _made[index - 1].Id;
        using var blob = new ReportingStream(input, _progress, index, _inputs.Length);
        var applied = BlobApplier.Apply(_driver, _layout, id, parent, blob, new ApplyOptions
        {
            Limits = _limits,
            Writers = writers,
            AwaitParent = () => AwaitParent(index, running, cancellationToken),
        }, cancellationToken);
        var diffId = applied.DiffId;
        if (input.DiffId is { } wanted && wanted != diffId)
            throw StrataException.Corrupt($"Layer {index + 1} of {_inputs.Length} is not what the image says: its tar is {diffId}, not {wanted}. Get the image again.");
        if (input.BlobDigest is { } blobWanted && blobWanted.Algorithm == "sha256" && blobWanted != applied.BlobDigest)
            throw StrataException.Corrupt($"Layer {index + 1} of {_inputs.Length} is damaged: its blob is {applied.BlobDigest}, not {blobWanted}. Get the image again.");
        _applied[index].TrySetResult();
        return new LayerRecord(
            default, diffId, null, id, applied.TarBytes, applied.ContentBytes, applied.BlobDigest, applied.BlobBytes, Rows.Now());
    }

    private void AwaitParent(int index, SemaphoreSlim? running, CancellationToken cancellationToken)
    {
        // Each layer below may itself have to wait for those below it: all must be applied.
        if (_applied.Take(index).All(below => below.Task.IsCompletedSuccessfully))
            return;
        running?.Release();
        try
        {
            for (int i = 0; i < index; i++)
                WaitHandleOf(_applied[i].Task, cancellationToken);
        }
        finally
        {
            running?.Wait(CancellationToken.None); // taken back in any case: the caller gives it up again
        }
    }

    private static void WaitHandleOf(Task task, CancellationToken cancellationToken)
    {
        using var done = new ManualResetEventSlim();
        task.ContinueWith(_ => done.Set(), CancellationToken.None, TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);
        done.Wait(cancellationToken);
        if (!task.IsCompletedSuccessfully)
            throw new OperationCanceledException("A layer below could not be unpacked.");
    }

    /// <summary>The blob, opened when it is first read; tells how far it was read.</summary>
    private sealed class ReportingStream(LayerInput input, IProgress<ProgressReport>? progress, int index, int count) : ReadOnlyStream
    {
        private const long StepBytes = 1 << 20;
        private readonly string _step = $"layer {index + 1}/{count}";
        private readonly Stream _inner = input.Open();
        private long _done;
        private long _reported;

        public override int Read(Span<byte> buffer)
        {
            int read = _inner.Read(buffer);
            _done += read;
            if (progress is not null && (_done - _reported >= StepBytes || read == 0))
            {
                _reported = _done;
                progress.Report(new ProgressReport(_step, _done, input.BlobBytes));
            }
            return read;
        }

        protected override void Dispose(bool disposing)
        {
            if (disposing)
                _inner.Dispose();
            base.Dispose(disposing);
        }
    }
}
