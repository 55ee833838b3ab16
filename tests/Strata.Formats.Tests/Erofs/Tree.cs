using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Strata.Formats.Erofs;

namespace Strata.Formats.Tests.Erofs;

/// <summary>A tree in memory: what a test writes into an image and expects to read from it.</summary>
internal sealed class Tree(string name, EntryKind kind)
{
    internal byte[] Name { get; } = Encoding.Latin1.GetBytes(name);

    internal EntryKind Kind { get; } = kind;

    internal ErofsAttributes Attributes { get; init; } = new(0x1ED, 0, 0, default, []);

    internal long SizeBytes { get; init; }

    internal IReadOnlyList<ErofsExtent> Extents { get; init; } = [];

    internal byte[] Target { get; init; } = [];

    internal uint Major { get; init; }

    internal uint Minor { get; init; }

    /// <summary>Another name of this one, which comes earlier in a walk.</summary>
    internal Tree? LinkTo { get; init; }

    internal List<Tree> Children { get; init; } = [];

    internal ErofsNode Node { get; private set; }

    internal static byte[] Write(Tree root, ErofsWriterOptions options, long deviceBytes = 1L << 40)
    {
        using var image = new MemoryStream();
        var writer = new ErofsImageWriter(image, options);
        AddOthers(writer, root);
        var links = new Dictionary<Tree, uint>();
        CountLinks(root, links);
        foreach (var (node, count) in links)
            writer.SetLinkCount(node.Node, count + 1);
        Plan(writer, root);
        WriteDirectories(writer, root, root.Node);
        for (int i = 1; i <= options.Devices; i++)
            writer.SetDeviceBytes(i, deviceBytes, Encoding.UTF8.GetBytes("device" + i.ToString(CultureInfo.InvariantCulture)));
        writer.Complete(root.Node);
        return image.ToArray();
    }

    /// <summary>A line for each name, as <see cref="Read"/> gives them.</summary>
    internal static IEnumerable<string> Expect(Tree tree, string path = "", Tree? shown = null)
    {
        var what = shown ?? tree;
        string extents = string.Join(' ', Joined(what));
        string xattrs = string.Join(' ', what.Attributes.Xattrs.OrderBy(x => Encoding.Latin1.GetString(x.Name), StringComparer.Ordinal).Select(Show));
        yield return $"{path}/ {what.Kind} {what.Attributes.Mode} {what.Attributes.Uid} {what.Attributes.Gid} {what.Attributes.Mtime} {(what.Kind == EntryKind.RegularFile ? what.SizeBytes : 0)} {what.Major}:{what.Minor} {Convert.ToHexString(what.Target)} [{extents}] [{xattrs}]";
        foreach (var child in tree.Children.OrderBy(c => Encoding.Latin1.GetString(c.Name), StringComparer.Ordinal))
        {
            foreach (string line in Expect(child, path + "/" + Encoding.Latin1.GetString(child.Name), child.LinkTo))
                yield return line;
        }
    }

    internal static IEnumerable<string> Read(ErofsReader reader)
    {
        foreach (var (path, inode, _) in reader.Walk())
        {
            string shown = path.IsRoot ? "" : "/" + Encoding.Latin1.GetString(path.Bytes);
            bool isFile = inode.Kind == EntryKind.RegularFile;
            string extents = isFile ? string.Join(' ', reader.Extents(inode)) : "";
            yield return $"{shown}/ {inode.Kind} {inode.Mode} {inode.Uid} {inode.Gid} {inode.Mtime} {(isFile ? inode.SizeBytes : 0)} {inode.DeviceMajor}:{inode.DeviceMinor} {Convert.ToHexString(inode.LinkTarget ?? [])} [{extents}] [{string.Join(' ', inode.Xattrs.Select(Show))}]";
        }
    }

    internal static string Digest(byte[] image) => Convert.ToHexStringLower(SHA256.HashData(image));

    private static string Show(Xattr xattr) => $"{Encoding.Latin1.GetString(xattr.Name)}={Convert.ToHexString(xattr.Value)}";

    private static IEnumerable<ErofsExtent> Joined(Tree file)
    {
        ErofsExtent? before = null;
        foreach (var extent in file.Extents)
        {
            if (before is { } last && last.Device == extent.Device && last.FileOffsetBytes + last.LengthBytes == extent.FileOffsetBytes && last.DeviceOffsetBytes + last.LengthBytes == extent.DeviceOffsetBytes)
            {
                before = last with { LengthBytes = last.LengthBytes + extent.LengthBytes };
                continue;
            }
            if (before is { } done)
                yield return done;
            before = extent;
        }
        if (before is { } rest)
            yield return rest;
    }

    private static void AddOthers(ErofsImageWriter writer, Tree tree)
    {
        foreach (var child in tree.Children.Where(c => c.LinkTo is null))
        {
            if (child.Kind == EntryKind.Directory)
                AddOthers(writer, child);
            else
                child.Node = child.Add(writer);
        }
    }

    private ErofsNode Add(ErofsImageWriter writer) => Kind switch
    {
        EntryKind.RegularFile when Extents.Count == 1 && Extents[0].LengthBytes == SizeBytes => writer.AddFile(Attributes, SizeBytes, Extents[0].Device, Extents[0].DeviceOffsetBytes),
        EntryKind.RegularFile => writer.AddFile(Attributes, SizeBytes, Extents),
        EntryKind.Symlink => writer.AddSymlink(Attributes, Target),
        EntryKind.Fifo => writer.AddFifo(Attributes),
        EntryKind.Socket => writer.AddSocket(Attributes),
        _ => writer.AddDevice(Attributes, Kind, Major, Minor),
    };

    private static void CountLinks(Tree tree, Dictionary<Tree, uint> links)
    {
        foreach (var child in tree.Children)
        {
            if (child.LinkTo is { } target)
                links[target] = links.GetValueOrDefault(target) + 1;
            CountLinks(child, links);
        }
    }

    private static void Plan(ErofsImageWriter writer, Tree directory)
    {
        directory.Node = writer.PlanDirectory(directory.Attributes, directory.Children.Count, directory.Children.Sum(c => (long)c.Name.Length));
        foreach (var child in directory.Children.Where(c => c.Kind == EntryKind.Directory))
            Plan(writer, child);
    }

    private static void WriteDirectories(ErofsImageWriter writer, Tree directory, ErofsNode parent)
    {
        var sorted = directory.Children.OrderBy(c => Encoding.Latin1.GetString(c.Name), StringComparer.Ordinal)
            .Select(c => new ErofsChild(c.Name, (c.LinkTo ?? c).Node, (c.LinkTo ?? c).Kind));
        writer.WriteDirectory(directory.Node, parent, (uint)(2 + directory.Children.Count(c => c.Kind == EntryKind.Directory)), sorted);
        foreach (var child in directory.Children.Where(c => c.Kind == EntryKind.Directory))
            WriteDirectories(writer, child, directory.Node);
    }
}
