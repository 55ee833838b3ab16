using Strata.Trees;

namespace Strata.Store;

/// <content>Checking what is kept against what it must be, and mending it.</content>
public sealed partial class Store
{
    private const string LoadAgain = "Get it again with strata check --repair (--from FILE, if you have the image as a file); else remove its image with strata rm --force, and load it again.";

    /// <summary>Checks every layer: that it is there, that what was made of it is what it says, and with <paramref name="deep"/> that each byte is as it came.</summary>
    /// <inheritdoc cref="Check(CheckOptions, CancellationToken)"/>
    /// <param name="deep">True: each layer's tar is read, or rebuilt, and hashed against its diff ID.</param>
    /// <param name="repair">True: as <see cref="CheckOptions.Repair"/>.</param>
    /// <param name="progress">Told of layers, or null.</param>
    /// <param name="cancellationToken">Ends it early.</param>
    public IReadOnlyList<Finding> Check(bool deep = false, bool repair = false, IProgress<ProgressReport>? progress = null, CancellationToken cancellationToken = default) =>
        Check(new CheckOptions { Deep = deep, Repair = repair, Progress = progress }, cancellationToken).Findings;

    /// <summary>Checks all that is in the store, and mends it if it is told to.</summary>
    /// <remarks>
    /// What is damaged is a finding, never an error, and keeps nothing else from being checked. Others may use the store meanwhile; what they are just
    /// making or removing is not told. Layers are looked at from the base up, then read several at a time.
    /// </remarks>
    public CheckReport Check(CheckOptions options, CancellationToken cancellationToken = default) => Guard($"Can't check the store {Root}", () =>
    {
        var findings = new Findings();
        CheckRows(options, findings);
        if (options.Repair)
            AdoptLost(findings, cancellationToken);
        var layers = ListBaseFirst();
        int count = layers.Count;
        var damaged = new HashSet<ChainId>();
        for (int i = 0; i < count; i++)
        {
            cancellationToken.ThrowIfCancellationRequested();
            if (FindLayer(layers[i]) is { } layer)
                CheckStructure(layer, options, findings, damaged, cancellationToken);
            options.Progress?.Report(new ProgressReport("check layers", i + 1, count));
        }
        if (options.Deep)
            CheckContents(layers, options, findings, damaged, cancellationToken);
        if (options.Repair)
        {
            bool any = false;
            foreach (var layer in Records(layers.Where(damaged.Contains)))
                any |= Restore(layer, options, findings, cancellationToken);
            if (any)
                CheckPlaces(Records(layers), findings); // a layer whose files were gone got others, which those above it must name
        }
        int images = CheckImages(options, findings, cancellationToken);
        int writable = CheckWritable(options, findings, cancellationToken);
        CheckSnapshots(options, findings, cancellationToken);
        CheckGraph(options, findings, cancellationToken);
        CheckOrphans(options, findings, cancellationToken);
        return new CheckReport(findings.All, count, images, writable);
    });

    /// <summary>All layers, each after the one that it lies on: who they are, since there may be 100,000; what they are is read when it is their turn.</summary>
    private List<ChainId> ListBaseFirst()
    {
        var layers = MeasuredLayers.Read(_database);
        var order = new List<ChainId>(layers.Count);
        bool[] done = new bool[layers.Count];
        var path = new Stack<int>();
        for (int i = 0; i < layers.Count; i++)
        {
            for (int next = i; next >= 0 && !done[next]; next = layers.Parents[next])
            {
                done[next] = true;
                path.Push(next);
            }
            while (path.TryPop(out int lowest))
                order.Add(layers.Numbers[lowest]);
        }
        return order;
    }

    private IEnumerable<LayerRecord> Records(IEnumerable<ChainId> layers) => layers.Select(FindLayer).OfType<LayerRecord>();

    /// <summary>Runs a part of the check; that it could not be made is a finding.</summary>
    /// <returns>False: the subject is damaged.</returns>
    private static bool Try(string subject, Findings findings, Action check, string advice = LoadAgain)
    {
        try
        {
            check();
            return true;
        }
        catch (Exception e) when (e is StrataException || FileErrors.Is(e))
        {
            bool isDamaged = e is StrataException { Kind: ErrorKind.Corrupt or ErrorKind.NotFound };
            findings.Add(new Finding(subject, e.Message, Repaired: false, isDamaged ? advice : "It could not be checked: mend that, then check again."));
            return !isDamaged;
        }
    }

    /// <summary>What a check found so far, from several threads.</summary>
    private sealed class Findings
    {
        private readonly Lock _gate = new();
        private readonly List<Finding> _all = [];

        internal IReadOnlyList<Finding> All => _all;

        internal void Add(Finding finding)
        {
            lock (_gate)
                _all.Add(finding);
        }

        internal void Damage(string subject, string problem, string advice, bool repaired = false) => Add(new Finding(subject, problem, repaired, advice));

        internal void Leftover(string subject, string problem, Usage usage, bool repaired) => Add(new Finding(
            subject, problem, repaired, "It takes space and hurts nothing: strata check --repair removes it.") { Kind = FindingKind.Leftover, SizeBytes = usage.SizeBytes });

        /// <summary>A layer that was fetched again: what was found of it before is mended.</summary>
        internal void MarkRepaired(string subject)
        {
            lock (_gate)
            {
                for (int i = 0; i < _all.Count; i++)
                {
                    if (_all[i].Subject == subject)
                        _all[i] = _all[i] with { Repaired = true };
                }
            }
        }
    }
}
