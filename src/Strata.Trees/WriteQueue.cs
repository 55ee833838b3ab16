using System.Buffers;
using System.Runtime.ExceptionServices;

namespace Strata.Trees;

/// <summary>
/// Threads that make small files. What belongs to one directory goes to one thread, so that its order is kept. Contents travel in batches with a
/// buffer each; the number of batches bounds the memory, whatever the layer holds.
/// </summary>
internal sealed class WriteQueue : IDisposable
{
    /// <summary>Larger files are written by the thread that reads the tar.</summary>
    internal const int MaxFileBytes = 128 * 1024;

    private const int BatchBytes = 256 * 1024;
    private const int BatchJobs = 64;
    private const int BatchesPerWorker = 4;
    private readonly Worker[] _workers;
    private readonly Action<Job, byte[]> _run;
    private volatile Exception? _error;
    private volatile bool _abandoned;

    internal WriteQueue(int workers, Action<Job, byte[]> run)
    {
        _run = run;
        _workers = new Worker[workers];
        for (int i = 0; i < workers; i++)
            _workers[i] = new Worker(this, i);
    }

    /// <summary>Hands a job to its directory's thread; waits if that has too much to do.</summary>
    internal void Add(OpenDirectory directory, LayerEntry entry, EntryContent content, long index)
    {
        ThrowIfFailed();
        _workers[directory.Lane % (uint)_workers.Length].Add(directory, entry, content, index);
    }

    /// <summary>Waits until one directory's thread has done all it was given.</summary>
    internal void Drain(OpenDirectory directory)
    {
        _workers[directory.Lane % (uint)_workers.Length].Drain();
        ThrowIfFailed();
    }

    /// <summary>Waits until all is done.</summary>
    internal void DrainAll()
    {
        foreach (var worker in _workers)
            worker.Submit();
        foreach (var worker in _workers)
            worker.Drain();
        ThrowIfFailed();
    }

    /// <summary>Ends the threads; what still waits is left undone.</summary>
    public void Dispose()
    {
        _abandoned = true;
        foreach (var worker in _workers)
            worker.Stop();
    }

    private void ThrowIfFailed()
    {
        if (_error is { } error)
            ExceptionDispatchInfo.Throw(error);
    }

    internal readonly record struct Job(OpenDirectory Directory, LayerEntry Entry, int Start, int Length, long Index);

    private sealed class Batch
    {
        internal readonly byte[] Bytes = ArrayPool<byte>.Shared.Rent(BatchBytes);
        internal readonly List<Job> Jobs = new(BatchJobs);
        internal int Used;
    }

    private sealed class Worker
    {
        private readonly WriteQueue _owner;
        private readonly int _number;
        private Thread? _thread;
        private readonly object _gate = new();
        private readonly Queue<Batch> _waiting = new();
        private readonly Queue<Batch> _free = new();
        private Batch? _filling;
        private int _made;
        private bool _busy;
        private bool _stop;

        internal Worker(WriteQueue owner, int number)
        {
            _owner = owner;
            _number = number;
        }

        internal void Add(OpenDirectory directory, LayerEntry entry, EntryContent content, long index)
        {
            int size = (int)content.SizeBytes;
            if (_filling is not null && (_filling.Jobs.Count == BatchJobs || size > BatchBytes - _filling.Used))
                Submit();
            _filling ??= Rent();
            int start = _filling.Used;
            while (_filling.Used - start < size)
            {
                var chunk = content.ReadChunk(size);
                if (chunk.IsEmpty)
                    break;
                chunk.CopyTo(_filling.Bytes.AsSpan(_filling.Used));
                _filling.Used += chunk.Length;
            }
            // Shared only now: reading the content may have failed.
            _filling.Jobs.Add(new Job(directory.Share(), entry, start, _filling.Used - start, index));
        }

        internal void Submit()
        {
            if (_filling is null)
                return;
            if (_thread is null)
            {
                _thread = new Thread(Run) { IsBackground = true, Name = $"tree writer {_number}" };
                _thread.Start();
            }
            lock (_gate)
            {
                _waiting.Enqueue(_filling);
                Monitor.PulseAll(_gate);
            }
            _filling = null;
        }

        internal void Drain()
        {
            Submit();
            lock (_gate)
            {
                while (_waiting.Count > 0 || _busy)
                    Monitor.Wait(_gate);
            }
        }

        internal void Stop()
        {
            Submit();
            lock (_gate)
            {
                _stop = true;
                Monitor.PulseAll(_gate);
            }
            _thread?.Join();
            foreach (var batch in _free)
                ArrayPool<byte>.Shared.Return(batch.Bytes);
            _free.Clear();
        }

        private Batch Rent()
        {
            lock (_gate)
            {
                if (_free.Count == 0 && _made < BatchesPerWorker)
                {
                    _made++;
                    return new Batch();
                }
                while (_free.Count == 0)
                    Monitor.Wait(_gate);
                return _free.Dequeue();
            }
        }

        private void Run()
        {
            while (true)
            {
                Batch batch;
                lock (_gate)
                {
                    while (_waiting.Count == 0)
                    {
                        if (_stop)
                            return;
                        Monitor.Wait(_gate);
                    }
                    batch = _waiting.Dequeue();
                    _busy = true;
                }
                foreach (var job in batch.Jobs)
                {
                    try
                    {
                        if (_owner._error is null && !_owner._abandoned)
                            _owner._run(job, batch.Bytes);
                    }
                    catch (Exception e)
                    {
                        _owner._error ??= e; // thrown on the thread that adds jobs
                    }
                    finally
                    {
                        job.Directory.Release();
                    }
                }
                batch.Jobs.Clear();
                batch.Used = 0;
                lock (_gate)
                {
                    _busy = false;
                    _free.Enqueue(batch);
                    Monitor.PulseAll(_gate);
                }
            }
        }
    }
}
