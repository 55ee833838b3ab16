namespace Strata.Api;

/// <summary>What both ends of the control API say in headers.</summary>
internal static class ApiHeaders
{
    /// <summary>A call that is asked so answers with a line of JSON for each progress, then one with the result or the error.</summary>
    internal const string ProgressMediaType = "application/x-ndjson";

    internal const string TarMediaType = "application/x-tar";

    internal const string JsonMediaType = "application/json";
}
