namespace Strata;

/// <summary>How far a long step has come.</summary>
/// <param name="Step">What is being worked on, to show: <c>layer 3/15 sha256:1234…</c>.</param>
/// <param name="DoneBytes">Bytes done so far.</param>
/// <param name="TotalBytes">Bytes in all; -1: not known.</param>
public readonly record struct ProgressReport(string Step, long DoneBytes, long TotalBytes);
