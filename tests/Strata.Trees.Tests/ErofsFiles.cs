namespace Strata.Trees.Tests;

/// <summary>An EROFS image whose one file is made of a block of each of its devices.</summary>
internal sealed class ErofsFiles
{
    private readonly byte[][] _blocks;

    /// <summary>Writes image and devices below a directory.</summary>
    internal ErofsFiles(string disk, string below, int devices, int blockBits = 9)
    {
        string directory = Directory.CreateDirectory(Path.Combine(disk, below)).FullName;
        Image = Path.Combine(directory, "image");
        File.WriteAllBytes(Image, ErofsProbeImage.Make(blockBits, devices));
        _blocks = new byte[devices][];
        for (int i = 0; i < devices; i++)
        {
            _blocks[i] = new byte[1 << blockBits];
            Random.Shared.NextBytes(_blocks[i]);
            File.WriteAllBytes(Path.Combine(directory, $"{i}.tar"), _blocks[i]);
        }
    }

    internal string Image { get; }

    internal IEnumerable<string> Devices => Enumerable.Range(0, _blocks.Length).Select(i => Path.Combine(Path.GetDirectoryName(Image)!, $"{i}.tar"));

    internal Mount Mount => new("erofs", Image, "", ["ro", .. Devices.Select(d => "device=" + d)]);

    internal Mount LoopMount => Mount with { Options = ["loop", .. Mount.Options] };

    internal byte[] Content => _blocks.SelectMany(b => b).ToArray();

    internal static byte[] Read(RootDirectory root)
    {
        using var file = root.OpenFile(EntryPath.Of(ErofsProbeImage.FileName));
        using var stream = Linux.FileStreams.OpenRead(file);
        using var memory = new MemoryStream();
        stream.CopyTo(memory);
        return memory.ToArray();
    }
}
