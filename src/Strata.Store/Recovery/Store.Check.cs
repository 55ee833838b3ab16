using Strata.Drivers;

namespace Strata.Store;

/// <content>Checking what is kept against what it must be.</content>
public sealed partial class Store
{
    /// <summary>Checks every layer: that it is there, that what was made of it is what it says, and with <paramref name="deep"/> that each byte is as it came.</summary>
    /// <remarks>A damaged layer is a finding, never an error, and keeps no other one from being checked.</remarks>
    /// <param name="deep">True: each layer's tar is read, or rebuilt, and hashed against its diff ID.</param>
    /// <param name="repair">True: what can be made again is made again. Nothing is ever removed.</param>
    /// <param name="progress">Told of layers, or null.</param>
    /// <param name="cancellationToken">Ends it early.</param>
    public IReadOnlyList<Finding> Check(bool deep = false, bool repair = false, IProgress<ProgressReport>? progress = null, CancellationToken cancellationToken = default)
    {
        var findings = new List<Finding>();
        var layers = ListLayers();
        int done = 0;
        foreach (var layer in layers)
        {
            cancellationToken.ThrowIfCancellationRequested();
            try
            {
                Check(layer, deep, repair, findings, cancellationToken);
            }
            catch (Exception e) when (e is StrataException or IOException or UnauthorizedAccessException)
            {
                bool damaged = e is StrataException { Kind: ErrorKind.Corrupt or ErrorKind.NotFound };
                findings.Add(new Finding(
                    $"layer {layer.ChainId}", e.Message, Repaired: false, damaged ? "Remove its image and load it again." : "It could not be checked: mend that, then check again."));
            }
            progress?.Report(new ProgressReport("check layers", ++done, layers.Count));
        }
        return findings;
    }

    private void Check(LayerRecord layer, bool deep, bool repair, List<Finding> findings, CancellationToken cancellationToken)
    {
        string subject = $"layer {layer.ChainId}";
        if (!Driver.Exists(layer.DriverId))
        {
            findings.Add(new Finding(subject, $"The {Driver.Name} driver has no layer {layer.DriverId}: its files are gone.", Repaired: false, "Remove its image and load it again."));
            return;
        }
        if (Driver is ILayerChecker checker)
        {
            foreach (var problem in checker.CheckLayer(layer.DriverId, repair, cancellationToken))
                findings.Add(new Finding(subject, problem.What, problem.Repaired, problem.Advice));
        }
        if (!Driver.Capabilities.ReproducesExactDiffs && !File.Exists(_layout.Recipe(layer.DriverId)))
            findings.Add(new Finding(subject, $"Its recipe {_layout.Recipe(layer.DriverId)} is missing: it can be used, but not given back.", Repaired: false, "Remove its image and load it again."));
        else if (deep)
            WriteTar(layer, Stream.Null, cancellationToken);
    }
}
