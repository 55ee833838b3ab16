using System.Security.Cryptography;

namespace Strata.Oci.Registries;

/// <summary>How long to wait, and when to give up.</summary>
/// <param name="options">Attempts and delays.</param>
internal sealed class RetryPolicy(RegistryOptions options)
{
    private int _failures;

    /// <summary>Does it until it succeeds, fails for good, or failed too often.</summary>
    internal static async Task<T> RunAsync<T>(RegistryOptions options, Func<Task<T>> action, CancellationToken cancellationToken)
    {
        var policy = new RetryPolicy(options);
        while (true)
        {
            try
            {
                return await action().ConfigureAwait(false);
            }
            catch (TransientException e)
            {
                await policy.WaitAsync(e, cancellationToken).ConfigureAwait(false);
            }
        }
    }

    /// <summary>Something got on: failures count anew.</summary>
    internal void Progressed() => _failures = 0;

    /// <summary>Waits before the next attempt.</summary>
    /// <exception cref="StrataException">Unavailable: that was the last one, or the server asks for too much patience.</exception>
    internal async Task WaitAsync(TransientException e, CancellationToken cancellationToken)
    {
        _failures += e.IsStubborn ? 2 : 1;
        if (_failures >= options.Attempts)
            throw new SourceUnavailableException($"{e.Message} Gave up after {options.Attempts} attempts; try again later.", e);
        if (e.RetryAfter > options.LongestDelay)
            throw new SourceUnavailableException($"{e.Message} It asks to be left alone for {e.RetryAfter.Value.TotalSeconds:0} s; try again then.", e);
        // Doubling, with jitter downwards: many that were cut at once don't come back at once.
        double most = Math.Min(options.LongestDelay.TotalMilliseconds, options.FirstDelay.TotalMilliseconds * Math.Pow(2, _failures - 1));
        var pause = TimeSpan.FromMilliseconds(most * (50 + RandomNumberGenerator.GetInt32(51)) / 100);
        await Task.Delay(e.RetryAfter > pause ? e.RetryAfter.Value : pause, cancellationToken).ConfigureAwait(false);
    }
}
