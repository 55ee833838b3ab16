using System.Text;
using Strata.Formats.Erofs;

namespace Strata.Bench;

/// <summary>
/// The layers of one image, thrice: as EROFS indexes with a device each, as one merged index over all the devices, and unpacked. The lowest has
/// most of the files, each other one some in directories that lower ones have too.
/// </summary>
internal sealed class ErofsLayers
{
    private const int Block = 512;
    private const int Directories = 200;
    private const int BaseFiles = 10_000;
    private const int FilesOfOthers = 20;
    private readonly string _root;
    private readonly List<(int Layer, string Directory, string Name, int SizeBytes, long Offset)> _files = [];
    private readonly long[] _deviceBytes;

    internal ErofsLayers(string root, int count)
    {
        _root = Path.Combine(root, $"layers{count}");
        Count = count;
        _deviceBytes = new long[count];
        for (int layer = 0; layer < count; layer++)
        {
            int files = layer == 0 ? BaseFiles : FilesOfOthers;
            for (int i = 0; i < files; i++)
            {
                int directory = layer == 0 ? i % Directories : ((layer * 7) + (i / 2)) % Directories;
                int size = 1 + (int)((uint)i * 2654435761u % (8 * Block));
                _files.Add((layer, $"d{directory / 10:00}/s{directory % 10}", $"file-{layer}-{i}", size, _deviceBytes[layer]));
                _deviceBytes[layer] += (size + Block - 1) / Block * Block;
            }
        }
        if (!Directory.Exists(_root))
            Write();
    }

    internal int Count { get; }

    internal Mount Merged => new("erofs", Path.Combine(_root, "merged"), "", ["ro", .. Enumerable.Range(0, Count).Select(i => "device=" + Device(i))]);

    /// <summary>Nearest first.</summary>
    internal IEnumerable<Mount> Stacked => Enumerable.Range(0, Count).Reverse().Select(i => new Mount("erofs", Index(i), "", ["ro", "device=" + Device(i)]));

    /// <summary>Nearest first.</summary>
    internal IEnumerable<string> Unpacked => Enumerable.Range(0, Count).Reverse().Select(Tree);

    /// <summary>Paths that are there, the same ones for all kinds.</summary>
    internal byte[][] Existing(int count) =>
        [.. Enumerable.Range(0, count).Select(i => _files[(int)(i * 7919L % _files.Count)]).Select(f => Encoding.ASCII.GetBytes($"{f.Directory}/{f.Name}"))];

    /// <summary>Paths that are not, in directories that are.</summary>
    internal static byte[][] Missing(int count) =>
        [.. Enumerable.Range(0, count).Select(i => Encoding.ASCII.GetBytes($"d{i / 10 % 20:00}/s{i % 10}/missing-{i}"))];

    private string Index(int layer) => Path.Combine(_root, $"{layer}.erofs");

    private string Device(int layer) => Path.Combine(_root, $"{layer}.tar");

    private string Tree(int layer) => Path.Combine(_root, $"{layer}.tree");

    private void Write()
    {
        Directory.CreateDirectory(_root);
        byte[] noise = new byte[8 * Block];
        Random.Shared.NextBytes(noise);
        foreach (var layer in _files.GroupBy(f => f.Layer))
        {
            using var device = File.Create(Device(layer.Key));
            device.SetLength(_deviceBytes[layer.Key]);
            foreach (var file in layer)
            {
                device.Position = file.Offset;
                device.Write(noise.AsSpan(0, file.SizeBytes));
                string directory = Directory.CreateDirectory(Path.Combine(Tree(layer.Key), file.Directory)).FullName;
                File.WriteAllBytes(Path.Combine(directory, file.Name), noise[..file.SizeBytes]);
            }
            WriteIndex(Index(layer.Key), [.. layer], _ => 1, [_deviceBytes[layer.Key]]);
        }
        WriteIndex(Path.Combine(_root, "merged"), _files, layer => layer + 1, _deviceBytes);
    }

    private static void WriteIndex(
        string path, List<(int Layer, string Directory, string Name, int SizeBytes, long Offset)> files, Func<int, int> deviceOf, long[] deviceBytes)
    {
        using var output = new FileStream(path, FileMode.Create, FileAccess.ReadWrite);
        var writer = new ErofsImageWriter(output, new ErofsWriterOptions { Devices = deviceBytes.Length });
        var attributes = new ErofsAttributes(0x1ED, 0, 0, new FileTime(1_700_000_000, 0), []);
        var children = new SortedDictionary<string, List<ErofsChild>>(StringComparer.Ordinal) { [""] = [] };
        foreach (var file in files)
        {
            string top = file.Directory[..3];
            children.TryAdd(top, []);
            children.TryAdd(file.Directory, []);
            children[file.Directory].Add(new ErofsChild(
                Encoding.ASCII.GetBytes(file.Name), writer.AddFile(attributes, file.SizeBytes, deviceOf(file.Layer), file.Offset), EntryKind.RegularFile));
        }
        var names = children.Keys.ToArray();
        var below = names.Where(n => n.Length > 0).ToLookup(Parent);
        var nodes = names.ToDictionary(n => n, n => writer.PlanDirectory(
            attributes, children[n].Count + below[n].Count(), children[n].Sum(c => (long)c.Name.Length) + below[n].Sum(d => (long)Name(d).Length)));
        foreach (string name in names)
        {
            var all = children[name].Concat(below[name].Select(d => new ErofsChild(Encoding.ASCII.GetBytes(Name(d)), nodes[d], EntryKind.Directory)))
                .OrderBy(c => Encoding.ASCII.GetString(c.Name.Span), StringComparer.Ordinal);
            writer.WriteDirectory(nodes[name], nodes[name.Length == 0 ? "" : Parent(name)], (uint)(2 + below[name].Count()), all);
        }
        for (int i = 0; i < deviceBytes.Length; i++)
            writer.SetDeviceBytes(i + 1, deviceBytes[i], default);
        writer.Complete(nodes[""]);
    }

    private static string Parent(string directory) => directory.Length > 3 ? directory[..3] : "";

    private static string Name(string directory) => directory[(directory.LastIndexOf('/') + 1)..];
}
