using System.Collections.Concurrent;
using System.Runtime.ExceptionServices;
using Xunit;

namespace Strata.Testing;

/// <summary>The end of what a test works with. Every step is taken, whatever the one before said: cleaning up as well as looking at what is left; no failure hides another.</summary>
/// <remarks>
/// A rig is mostly disposed by the <c>using</c> of the test. There nothing tells whether the test has failed: xunit knows it when the test's method has
/// returned, and what is thrown takes the place of what the test threw. So what fails here is kept, and told by <see cref="TellClosingAttribute"/> when the
/// method has returned, beside what the test itself said. Elsewhere, as in the Dispose of a test class or of a fixture, it is thrown when this is disposed:
/// xunit tells that beside the rest.
/// </remarks>
/// <example><code>
/// public void Dispose()
/// {
///     using var closing = new Closing();
///     closing.Do(Store.Dispose);
///     closing.Do(() => Assert.Empty(Mounts.AtOrBelow(Scratch.Path)));
///     closing.Do(Scratch.Dispose);
/// }
/// </code></example>
public sealed class Closing : IDisposable
{
    private static readonly ConcurrentDictionary<string, ConcurrentQueue<Exception>> OfTests = new();
    private readonly ConcurrentQueue<Exception> _failed = new();

    /// <summary>Takes a step; what it throws is told later.</summary>
    public void Do(Action step)
    {
        try
        {
            step();
        }
        catch (Exception e)
        {
            _failed.Enqueue(e);
        }
    }

    /// <summary>Takes a step; what it throws is told later.</summary>
    public async Task DoAsync(Func<Task> step)
    {
        try
        {
            await step();
        }
        catch (Exception e)
        {
            _failed.Enqueue(e);
        }
    }

    /// <summary>Tells what failed, or keeps it until the test's method has returned.</summary>
    public void Dispose()
    {
        if (TestContext.Current.Test is { } test && OfTests.TryGetValue(test.UniqueID, out var kept))
        {
            foreach (var error in _failed)
                kept.Enqueue(error);
        }
        else
        {
            Throw(_failed);
        }
    }

    internal static void Begin(string test) => OfTests[test] = new ConcurrentQueue<Exception>();

    internal static void Tell(string test)
    {
        if (OfTests.TryRemove(test, out var failed))
            Throw(failed);
    }

    private static void Throw(ConcurrentQueue<Exception> failed)
    {
        if (failed.Count > 1)
            throw new AggregateException(failed);
        if (failed.TryPeek(out var only))
            ExceptionDispatchInfo.Throw(only);
    }
}
