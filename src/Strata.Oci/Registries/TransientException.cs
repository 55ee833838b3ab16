namespace Strata.Oci.Registries;

/// <summary>A failure that may pass. Never leaves this folder: it is tried again, or told as Unavailable.</summary>
/// <param name="message">What failed.</param>
/// <param name="inner">The cause, or null.</param>
internal sealed class TransientException(string message, Exception? inner = null) : Exception(message, inner)
{
    /// <summary>How long the server asks to be left alone; null: it does not say.</summary>
    internal TimeSpan? RetryAfter { get; init; }

    /// <summary>True for what seldom passes in seconds, such as a refused connection: it is tried less often.</summary>
    internal bool IsStubborn { get; init; }
}
