using System.Security.Cryptography;
using System.Text;
using Strata.Store;
using Strata.Testing;
using Strata.Trees;

namespace Strata.Durability.Tests;

/// <summary>Looks at a store after something went wrong: it opens, each layer is whole or absent, nothing is left.</summary>
internal sealed class WholeStore(string root, string driver)
{
    private readonly Dictionary<string, string> _known = [];

    /// <summary>True: what a check found was repaired.</summary>
    internal bool Repaired { get; private set; }

    internal string Root => root;

    /// <summary>Opens it, checks all of it, and tells what it holds in a few lines; an error says what is wrong.</summary>
    /// <param name="when">What happened before, for the error.</param>
    /// <param name="killed">True: documents on their way may lie in the temporary directory, which opening sweeps when they are a day old.</param>
    internal string Look(string when, bool killed = false)
    {
        using var store = Command.Open(root, driver);
        Check(store, when);
        string[] layers = [.. store.ListLayers().Select(l => l.DriverId.ToString())];
        string[] writable = [.. store.ListWritable().Select(w => w.DriverId.ToString())];
        Same(layers.Concat(writable), store.Driver.List().Select(id => id.ToString()), when, "the driver's layers");
        if (!store.Driver.Capabilities.ReproducesExactDiffs)
            Same(layers, Files("recipes").Select(f => Path.GetFileNameWithoutExtension(f)!), when, "recipes");
        if (killed)
            SweepTemporary();
        foreach (string directory in new[] { "leases", "tmp", driver + "/.trash", driver + "/.tmp" })
            Same([], Files(directory), when, directory);
        foreach (string held in Files("locks"))
        {
            using var free = ProcessLock.TryAcquire(held);
            Assert.True(free is not null, $"{when}: the lock {held} is held");
        }
        Assert.True(Mounts.AtOrBelow(root).Count == 0, $"{when}: mounted: {string.Join(' ', Mounts.AtOrBelow(root))}");
        foreach (string counted in Files(driver + "/.mounts"))
            Assert.True(layers.Contains(counted) || writable.Contains(counted), $"{when}: a count of mounts for {counted}, which is no layer");
        var text = new StringBuilder();
        foreach (var image in store.ListImages())
        {
            store.ReadBlob(image.Manifest);
            store.ReadBlob(image.Config);
            text.AppendLine($"image {string.Join(' ', image.Names)} {image.Manifest}: {(image.TopLayer is { } top ? TreeOf(store, top) : "")}");
        }
        foreach (var box in store.ListWritable())
            text.AppendLine($"writable {box.Name} {box.Parent}: {HashOf(stream => store.Export(box.Name, stream))}");
        text.AppendLine($"layers {string.Join(' ', store.ListLayers().Select(l => l.ChainId.Digest.Hex[..8]).Order(StringComparer.Ordinal))}");
        return text.ToString();
    }

    /// <summary>What the driver's and the store's directories hold, layers' names left out: to see what is left behind in the end.</summary>
    internal string[] Listing()
    {
        var lines = new List<string>();
        foreach (string path in Directory.EnumerateFileSystemEntries(root, "*", SearchOption.TopDirectoryOnly))
        {
            string name = Path.GetFileName(path);
            if (name.StartsWith("strata.db", StringComparison.Ordinal) || name == "reserve" || !Directory.Exists(path))
                continue;
            foreach (string below in Directory.EnumerateFileSystemEntries(path))
            {
                string kind = Path.GetFileName(below);
                int inside = Directory.Exists(below) ? Directory.GetFileSystemEntries(below).Length : 0;
                lines.Add(kind.Length >= 26 ? $"{name}/ID" : kind.StartsWith('.') || kind == "l" ? $"{name}/{kind}: {inside}" : $"{name}/{kind}");
            }
        }
        lines.Sort(StringComparer.Ordinal);
        return [.. lines];
    }

    private void SweepTemporary()
    {
        foreach (string name in Files("tmp").ToArray())
        {
            string path = Path.Combine(root, "tmp", name);
            using (var free = ProcessLock.TryAcquire(path))
                Assert.True(free is not null, $"{path} is locked");
            File.Delete(path);
        }
    }

    private void Check(StrataStore store, string when)
    {
        var findings = store.Check(deep: true);
        if (findings.Count == 0)
            return;
        string found = string.Join("; ", findings.Select(f => $"{f.Subject}: {f.Problem}"));
        Assert.True(store.Check(deep: true, repair: true).All(f => f.Repaired), $"{when}: can't be repaired: {found}");
        Assert.True(store.Check(deep: true).Count == 0, $"{when}: was not repaired: {found}");
        Repaired = true;
    }

    /// <summary>The root file system of a layer as one hash. The same layer's is looked at again each time: it may have been damaged.</summary>
    private string TreeOf(StrataStore store, ChainId top)
    {
        string hash = HashOf(stream => store.Export(top, stream));
        string first = _known.TryGetValue(top.ToString(), out string? known) ? known : _known[top.ToString()] = hash;
        Assert.True(first == hash, $"the tree of {top} is another one than it was");
        return hash;
    }

    internal static string HashOf(Action<Stream> write)
    {
        using var sha = SHA256.Create();
        using (var stream = new CryptoStream(Stream.Null, sha, CryptoStreamMode.Write))
            write(stream);
        return Convert.ToHexStringLower(sha.Hash!)[..16];
    }

    private IEnumerable<string> Files(string directory)
    {
        string path = Path.Combine(root, directory);
        return Directory.Exists(path) ? Directory.EnumerateFileSystemEntries(path).Select(p => directory == "locks" ? p : Path.GetFileName(p)!) : [];
    }

    private static void Same(IEnumerable<string> expected, IEnumerable<string> actual, string when, string what)
    {
        string[] wanted = [.. expected.Order(StringComparer.Ordinal)], there = [.. actual.Order(StringComparer.Ordinal)];
        Assert.True(wanted.SequenceEqual(there), $"{when}: {what}: too many: {string.Join(' ', there.Except(wanted))}; missing: {string.Join(' ', wanted.Except(there))}");
    }
}
