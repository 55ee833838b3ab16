using System.Runtime.ExceptionServices;
using Microsoft.Data.Sqlite;

namespace Strata.Store.Metadata;

/// <summary>A write that waits to be committed, alone or with others.</summary>
internal abstract class PendingWrite(Durability durability)
{
    internal Durability Durability { get; } = durability;

    private readonly object _gate = new(); // a monitor
    private bool _leads;
    private bool _done;

    /// <summary>Waits until somebody has committed it, or it failed. True: it is the first of those who wait, and its caller commits.</summary>
    internal bool AwaitLead()
    {
        lock (_gate)
        {
            while (!_leads && !_done)
                Monitor.Wait(_gate);
            return !_done;
        }
    }

    /// <summary>Tells its caller that it is the first of those who wait.</summary>
    internal void Lead() => Tell(ref _leads);

    /// <summary>Tells its caller that it is committed, or failed.</summary>
    internal void Done() => Tell(ref _done);

    private void Tell(ref bool what)
    {
        lock (_gate)
        {
            what = true;
            Monitor.Pulse(_gate);
        }
    }

    /// <summary>Runs it.</summary>
    /// <param name="session">The transaction.</param>
    /// <param name="shared">The transaction if others are in it: then this one is undone alone if it fails. Null: what it throws is thrown.</param>
    internal abstract void Run(Session session, SqliteTransaction? shared);

    /// <summary>The transaction failed, and this with it, unless it had failed before.</summary>
    internal abstract void Fail(Exception e);
}

/// <inheritdoc cref="PendingWrite"/>
internal sealed class PendingWrite<T>(Func<Session, T> write, Durability durability) : PendingWrite(durability)
{
    private const string Name = "one";
    private ExceptionDispatchInfo? _error;
    private T _result = default!;

    /// <summary>What it returned, or throws what it threw.</summary>
    internal T Result
    {
        get
        {
            _error?.Throw();
            return _result;
        }
    }

    internal override void Run(Session session, SqliteTransaction? shared)
    {
        if (shared is null)
        {
            _result = write(session);
            return;
        }
        shared.Save(Name);
        try
        {
            _result = write(session);
        }
        catch (Exception e)
        {
            _error = ExceptionDispatchInfo.Capture(e);
            try
            {
                shared.Rollback(Name);
            }
            catch (Exception gone) when (gone is SqliteException or InvalidOperationException)
            {
                _error.Throw(); // SQLite has ended the whole transaction: the disk is full, or fails
            }
        }
        shared.Release(Name);
    }

    internal override void Fail(Exception e) => _error ??= ExceptionDispatchInfo.Capture(e);
}
