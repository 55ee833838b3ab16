using Strata.Formats.Erofs;
using Strata.Linux;
using Strata.Testing;

namespace Strata.Trees.Tests.Erofs;

/// <summary>Writes a tree as an EROFS image whose files lie in devices beside it, and as a tree on disk; mounts both.</summary>
internal sealed class ErofsRig : IDisposable
{
    private readonly ScratchDirectory _scratch = new();
    private readonly int _blockBytes;
    private readonly ErofsWriterOptions _options;

    internal ErofsRig(int blockBits, int devices, FileTime buildTime = default)
    {
        _blockBytes = 1 << blockBits;
        _options = new ErofsWriterOptions { BlockBits = blockBits, Devices = devices, BuildTime = buildTime, VolumeName = "strata"u8.ToArray() };
    }

    internal string ImagePath => _scratch["image"];

    internal string TreePath => _scratch["tree"];

    internal string Mounted => _scratch["mounted"];

    internal string DevicePath(int device) => _scratch[$"device{device}"];

    /// <summary>Writes the image; every parent of an entry must be among the entries.</summary>
    internal void WriteImage(params TestEntry[] entries)
    {
        using var image = new FileStream(ImagePath, FileMode.Create, FileAccess.ReadWrite);
        var devices = Enumerable.Range(1, _options.Devices).Select(i => new FileStream(DevicePath(i), FileMode.Create)).ToArray();
        var writer = new ErofsImageWriter(image, _options);
        var nodes = new Dictionary<EntryPath, ErofsNode>();
        var links = new Dictionary<EntryPath, uint>();
        var kinds = entries.ToDictionary(e => e.Entry.Path, e => e.Entry.Kind);
        int turn = 0;
        foreach (var test in entries.Where(e => e.Entry.Kind is not (EntryKind.Directory or EntryKind.HardLink)))
            nodes.Add(test.Entry.Path, Add(writer, test, devices, ref turn));
        foreach (var entry in entries.Select(e => e.Entry).Where(e => e.Kind == EntryKind.HardLink))
        {
            nodes.Add(entry.Path, nodes[entry.HardLinkTarget]);
            kinds[entry.Path] = kinds[entry.HardLinkTarget];
            links[entry.HardLinkTarget] = links.GetValueOrDefault(entry.HardLinkTarget, 1u) + 1;
        }
        foreach (var (path, count) in links)
            writer.SetLinkCount(nodes[path], count);
        var children = entries.Select(e => e.Entry.Path).Where(p => !p.IsRoot).ToLookup(p => p.Parent);
        var directories = entries.Select(e => e.Entry).Where(e => e.Kind == EntryKind.Directory).OrderBy(e => e.Path).ToArray();
        foreach (var directory in directories)
            nodes.Add(directory.Path, writer.PlanDirectory(Attributes(directory), children[directory.Path].Count(), children[directory.Path].Sum(p => (long)p.Name.Length)));
        foreach (var directory in directories)
        {
            var sorted = children[directory.Path].Order().Select(p => new ErofsChild(p.Name.ToArray(), nodes[p], kinds[p])).ToArray();
            writer.WriteDirectory(nodes[directory.Path], nodes[directory.Path.Parent], (uint)(2 + sorted.Count(c => c.Kind == EntryKind.Directory)), sorted);
        }
        for (int i = 0; i < devices.Length; i++)
        {
            devices[i].SetLength(Aligned(devices[i].Length));
            writer.SetDeviceBytes(i + 1, devices[i].Length, default);
            devices[i].Dispose();
        }
        writer.Complete(nodes[EntryPath.Root]);
    }

    /// <summary>Writes an image with one file, <c>huge</c>, that is a whole device with data at its ends only.</summary>
    internal void WriteSparseDevice(long sizeBytes, ReadOnlySpan<byte> first, ReadOnlySpan<byte> last)
    {
        using (var device = new FileStream(DevicePath(1), FileMode.Create))
        {
            device.Write(first);
            device.Position = sizeBytes - last.Length;
            device.Write(last);
        }
        using var image = new FileStream(ImagePath, FileMode.Create, FileAccess.ReadWrite);
        var writer = new ErofsImageWriter(image, _options);
        var attributes = new ErofsAttributes(0x1ED, 0, 0, default, []);
        var huge = writer.AddFile(attributes, sizeBytes, 1, 0);
        var root = writer.PlanDirectory(attributes, 1, 4);
        writer.WriteDirectory(root, root, 2, [new ErofsChild("huge"u8.ToArray(), huge, EntryKind.RegularFile)]);
        writer.SetDeviceBytes(1, sizeBytes, default);
        writer.Complete(root);
    }

    /// <summary>Mounts the image with all its devices, by the kernel, without loop devices, and dumps it.</summary>
    internal string DumpMounted()
    {
        Mount();
        return TreeDump.Of(Mounted);
    }

    internal void Mount()
    {
        Directory.CreateDirectory(Mounted);
        string[] options = ["ro", .. Enumerable.Range(1, _options.Devices).Select(i => $"device={DevicePath(i)}")];
        Mounter.Mount([new Mount("erofs", ImagePath, "", options)], Mounted);
    }

    /// <summary>The same tree written to the disk's file system, dumped.</summary>
    internal string DumpOnDisk(params TestEntry[] entries)
    {
        string path = _scratch.Make("tree");
        using var root = RootDirectory.Open(path);
        using (var writer = new TreeWriter(root, new TreeWriterOptions()))
        {
            for (int i = 0; i < entries.Length; i++)
                writer.Write(entries[i].Entry, entries[i].Content, i);
            writer.Complete();
        }
        return TreeDump.Of(path);
    }

    /// <summary>The image as our reader sees it, dumped.</summary>
    internal string DumpRead()
    {
        using var image = File.OpenRead(ImagePath);
        var reader = new ErofsReader(image);
        ErofsChecker.Check(reader);
        return ReaderDump.Of(reader, [.. Enumerable.Range(1, reader.Superblock.Devices.Count).Select(DevicePath)]);
    }

    internal string Check(string program, params string[] arguments)
    {
        string[] devices = [.. Enumerable.Range(1, _options.Devices).Select(i => $"--device={DevicePath(i)}")];
        return Commands.Run(program, [.. arguments, .. devices, ImagePath]);
    }

    public void Dispose() => _scratch.Dispose();

    internal static ErofsAttributes Attributes(LayerEntry entry) => new(entry.Mode, entry.Uid, entry.Gid, entry.Mtime, entry.Xattrs);

    private ErofsNode Add(ErofsImageWriter writer, TestEntry test, FileStream[] devices, ref int turn)
    {
        var entry = test.Entry;
        var attributes = Attributes(entry);
        switch (entry.Kind)
        {
            case EntryKind.RegularFile when test.Extents is { } holes:
                var extents = new List<ErofsExtent>();
                int from = 0;
                foreach (var extent in holes)
                {
                    int device = turn++ % devices.Length;
                    extents.Add(new ErofsExtent(extent.OffsetBytes, extent.LengthBytes, device + 1, Append(devices[device], test.Data.AsSpan(from, (int)extent.LengthBytes))));
                    from += (int)extent.LengthBytes;
                }
                return writer.AddFile(attributes, entry.SizeBytes, extents);
            case EntryKind.RegularFile:
                int one = turn++ % devices.Length;
                return writer.AddFile(attributes, entry.SizeBytes, one + 1, Append(devices[one], test.Data));
            case EntryKind.Symlink:
                return writer.AddSymlink(attributes, entry.LinkTarget);
            case EntryKind.Fifo:
                return writer.AddFifo(attributes);
            case EntryKind.Socket:
                return writer.AddSocket(attributes);
            default:
                return writer.AddDevice(attributes, entry.Kind, entry.DeviceMajor, entry.DeviceMinor);
        }
    }

    private long Append(FileStream device, ReadOnlySpan<byte> data)
    {
        long place = device.Position = Aligned(device.Length);
        device.Write(data);
        return place;
    }

    private long Aligned(long bytes) => (bytes + _blockBytes - 1) / _blockBytes * _blockBytes;
}
