using Strata.Drivers;

namespace Strata.Store;

/// <content>Checking images and writable layers.</content>
public sealed partial class Store
{
    private int CheckImages(CheckOptions options, Findings findings, CancellationToken cancellationToken)
    {
        var images = ListImages();
        foreach (var image in images)
        {
            cancellationToken.ThrowIfCancellationRequested();
            string subject = $"image {(image.Names.Count > 0 ? image.Names[0] : image.Manifest)}";
            foreach (var document in new[] { image.Manifest, image.Config }.Concat(image.Indexes.SelectMany(idx => FindIndex(idx)?.Documents ?? [])))
                Try(subject, findings, () => ReadBlob(document), "Else remove it with strata rm --force.");
            if (image.TopLayer is { } top)
                Try(subject, findings, () => GetChain(top));
            if (ImageFact.Find(_layout.ImageFact(image.Manifest)) is { } fact && fact.Image.Config == image.Config && fact.Image.Names.SequenceEqual(image.Names))
                continue;
            using var documents = LockDocuments();
            if (_database.Read(s => Find(s, image.Manifest)) is null)
                continue; // removed just now
            if (options.Repair)
                RecordImages([image.Manifest.ToString()]);
            findings.Damage(_layout.ImageFact(image.Manifest), $"The file from which the metadata of {subject} could be made again is missing, old or damaged.", "strata check --repair writes it.", options.Repair);
        }
        return images.Count;
    }

    private int CheckWritable(CheckOptions options, Findings findings, CancellationToken cancellationToken)
    {
        var all = ListWritable();
        foreach (var writable in all)
        {
            cancellationToken.ThrowIfCancellationRequested();
            string subject = $"writable layer {writable.Name}";
            Try(subject, findings, () =>
            {
                if (!Driver.Exists(writable.DriverId))
                {
                    if (FindWritable(writable.Name)?.DriverId == writable.DriverId)
                        findings.Damage(subject, $"The {Driver.Name} driver has no layer {writable.DriverId}: its files are gone.", $"Remove it: strata rm {writable.Name}");
                    return;
                }
                var parent = DriverParentOf(writable);
                if (parent is { } below && !Driver.Exists(below))
                    findings.Damage(subject, $"What it lies on, {below}, has no files.", LoadAgain);
                if (Driver is ILayerStructure structure)
                {
                    foreach (var problem in structure.CheckStructure(writable.DriverId, parent, options.Repair))
                        findings.Damage(subject, problem.What, problem.Advice, problem.Repaired);
                }
                string fact = _layout.WritableFact(writable);
                if (File.Exists(fact) || File.Exists(Path.Combine(_layout.Leases, writable.DriverId.ToString())))
                    return;
                if (options.Repair)
                    File.WriteAllBytes(fact, []);
                findings.Damage(fact, $"The file from which the metadata of {subject} could be made again is missing.", "strata check --repair writes it.", options.Repair);
            });
        }
        return all.Count;
    }
}
