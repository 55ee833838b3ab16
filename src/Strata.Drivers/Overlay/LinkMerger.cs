using Strata.Linux;
using Strata.Trees;

namespace Strata.Drivers.Overlay;

/// <summary>Lays one layer's directory over a merged tree: files as hard links, so that nothing is copied; removals really remove.</summary>
/// <param name="marks">The marks.</param>
/// <param name="copy">True: files are copied (or share blocks), since the layer lies where no link may be made. Its hard links become files of their own.</param>
internal sealed class LinkMerger(OverlayMarks marks, bool copy = false)
{
    private const int DirectoryFlags = OpenFlags.ReadOnly;
    private RootDirectory? _tree;

    /// <summary>Merges a layer into a tree on the same file system. Nobody may write to either meanwhile.</summary>
    internal void Merge(RootDirectory layer, RootDirectory tree)
    {
        _tree = tree;
        CopyAttributes(layer.File, tree.File);
        MergeDirectory(layer.File, tree.File);
        CopyTime(layer.File, tree.File);
    }

    private void MergeDirectory(FileDescriptor layer, FileDescriptor tree)
    {
        if (marks.IsOpaque(layer))
            Empty(tree);
        using var names = FileCalls.OpenAt(layer, "."u8, DirectoryFlags | OpenFlags.Directory);
        using var reader = new DirectoryReader(names);
        while (reader.MoveNext())
        {
            byte[] name = reader.Name.ToArray();
            if (marks.IsOwnName(name))
                continue;
            Check(AttributeCalls.TryStat(layer.Number, name, out var status), "statx", name);
            bool exists = AttributeCalls.TryStat(tree.Number, name, out var below) == Errno.None;
            if (marks.IsRemoval(layer.Number, name, status))
            {
                TreeRemover.Remove(tree.Number, name);
                continue;
            }
            if (!status.IsDirectory)
            {
                if (exists)
                    TreeRemover.Remove(tree.Number, name);
                if (copy)
                    TreeCopier.CopyObject(layer.Number, name, _tree!, tree.Number, name);
                else
                    Check(NameCalls.TryLink(layer.Number, name, tree.Number, name), "linkat", name);
                continue;
            }
            if (exists && !below.IsDirectory)
                TreeRemover.Remove(tree.Number, name);
            if (!exists || !below.IsDirectory)
                Check(NameCalls.TryMakeDirectory(tree.Number, name, 0x1C0), "mkdirat", name);
            using var from = FileCalls.OpenAt(layer, name, DirectoryFlags | OpenFlags.Directory | OpenFlags.NoFollow);
            using var to = FileCalls.OpenAt(tree, name, DirectoryFlags | OpenFlags.Directory | OpenFlags.NoFollow);
            CopyAttributes(from, to);
            MergeDirectory(from, to);
            CopyTime(from, to);
        }
    }

    private static void Empty(FileDescriptor directory)
    {
        var names = new List<byte[]>();
        using (var again = FileCalls.OpenAt(directory, "."u8, DirectoryFlags | OpenFlags.Directory))
        using (var reader = new DirectoryReader(again))
        {
            while (reader.MoveNext())
                names.Add(reader.Name.ToArray());
        }
        foreach (byte[] name in names)
            TreeRemover.Remove(directory.Number, name);
    }

    private void CopyAttributes(FileDescriptor from, FileDescriptor to)
    {
        var status = AttributeCalls.Stat(from);
        Check(AttributeCalls.TryChown(to.Number, status.Uid, status.Gid), "chown", "."u8);
        Check(AttributeCalls.TryChmod(to.Number, status.Permissions), "chmod", "."u8);
        foreach (var old in XattrCalls.GetAll(to.Number, "."u8))
        {
            if (EntryReader.HostIndependent(old.Name) is not [])
                Check(XattrCalls.TryRemove(to.Number, old.Name), "removexattr", old.Name);
        }
        foreach (var xattr in XattrCalls.GetAll(from.Number, "."u8))
        {
            // Escaped attributes stay escaped: the tree is a lower directory of overlayfs. Its marks have done their work.
            if (marks.ToLayer(xattr.Name) is not [])
                Check(XattrCalls.TrySetAt(to.Number, "."u8, xattr.Name, xattr.Value), "setxattr", xattr.Name);
        }
    }

    private static void CopyTime(FileDescriptor from, FileDescriptor to) =>
        Check(AttributeCalls.TrySetTime(to.Number, AttributeCalls.Stat(from).Mtime), "utimensat", "."u8);

    private static void Check(Errno errno, string call, ReadOnlySpan<byte> name)
    {
        if (errno != Errno.None)
            throw new LinuxException(errno, call, EntryPath.Display(name));
    }
}
