namespace Strata.Api;

/// <summary>What is sent can't be read: kept apart from what the connection fails with.</summary>
/// <param name="cause">Why.</param>
internal sealed class SourceException(IOException cause) : IOException(cause.Message, cause);
