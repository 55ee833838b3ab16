using Strata.Store;

namespace Strata.Api;

internal sealed record FindingReply(string Kind, string Subject, string Problem, bool Repaired, string Advice, long? SizeBytes)
{
    internal static FindingReply Of(Finding finding) => new(
        finding.Kind.ToString(), finding.Subject, finding.Problem, finding.Repaired, finding.Advice, finding.SizeBytes < 0 ? null : finding.SizeBytes);

    internal Finding ToFinding() => new(Subject, Problem, Repaired, Advice) { Kind = Enum.Parse<FindingKind>(Kind), SizeBytes = SizeBytes ?? -1 };
}

internal sealed record CheckReply(IReadOnlyList<FindingReply> Findings, int Layers, int Images, int Writable)
{
    internal static CheckReply Of(CheckReport report) => new([.. report.Findings.Select(FindingReply.Of)], report.Layers, report.Images, report.Writable);

    internal CheckReport ToReport() => new([.. Findings.Select(f => f.ToFinding())], Layers, Images, Writable);
}

internal sealed record CollectedLayer(LayerReply Layer, UsageReply Usage);

internal sealed record CollectedDocument(string Digest, UsageReply Usage);

internal sealed record CollectedLeftover(string Path, UsageReply Usage);

internal sealed record CollectReply(
    IReadOnlyList<CollectedLayer> Layers, IReadOnlyList<ImageReply> Images, IReadOnlyList<CollectedDocument> Documents, IReadOnlyList<CollectedLeftover> Leftovers,
    IReadOnlyList<string> EndedLeases, IReadOnlyList<FindingReply> Failures)
{
    internal static CollectReply Of(CollectReport report) => new(
        [.. report.Layers.Select(l => new CollectedLayer(LayerReply.Of(l.Layer), UsageReply.Of(l.Usage)))], [.. report.Images.Select(ImageReply.Of)],
        [.. report.Documents.Select(d => new CollectedDocument(d.Digest.ToString(), UsageReply.Of(d.Usage)))],
        [.. report.Leftovers.Select(l => new CollectedLeftover(l.Path, UsageReply.Of(l.Usage)))], report.EndedLeases, [.. report.Failures.Select(FindingReply.Of)]);

    internal CollectReport ToReport() => new()
    {
        Layers = [.. Layers.Select(l => (l.Layer.ToRecord(), l.Usage.ToUsage()))],
        Images = [.. Images.Select(i => i.ToRecord())],
        Documents = [.. Documents.Select(d => (Digest.Parse(d.Digest), d.Usage.ToUsage()))],
        Leftovers = [.. Leftovers.Select(l => (l.Path, l.Usage.ToUsage()))],
        EndedLeases = EndedLeases,
        Failures = [.. Failures.Select(f => f.ToFinding())],
    };
}
