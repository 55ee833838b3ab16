using System.IO.Hashing;
using System.Security.Cryptography;
using Strata.Formats.Erofs;

namespace Strata.Drivers.Erofs;

/// <summary>The names of one layer's tree in memory, small enough for millions: about 45 bytes an entry, and 100 more for a directory.</summary>
/// <remarks>
/// Objects that are no directories are known by the number of their inode, which was written when they came. Directories are written at the end;
/// until then what an entry said of them is kept here. A directory or an entry is known by its number, which never changes.
/// </remarks>
internal sealed class LayerTree
{
    /// <summary>The number of the root directory.</summary>
    internal const int Root = 0;

    /// <summary>No entry.</summary>
    internal const int None = -1;

    private readonly SegmentedList<TreeNode> _nodes = new();
    private readonly SegmentedList<TreeDirectory> _directories = new();
    private readonly NameArena _names = new();
    private readonly long _seed = BitConverter.ToInt64(RandomNumberGenerator.GetBytes(8)); // a layer's author shall not make chains long
    private int[] _buckets = NewBuckets(1 << 10);

    /// <summary>A tree of nothing but a root that no entry listed.</summary>
    internal LayerTree() => _directories.Add(new TreeDirectory { Node = None, Parent = None, First = None, Flags = DirectoryMarks.Implied });

    /// <summary>How many directories were ever made.</summary>
    internal int DirectoryCount => _directories.Count;

    /// <summary>A directory, to be read and changed in place.</summary>
    internal ref TreeDirectory Directory(int directory) => ref _directories[directory];

    /// <summary>An entry, to be read and changed in place.</summary>
    internal ref TreeNode Node(int node) => ref _nodes[node];

    /// <summary>The entry of a name in a directory; <see cref="None"/>: there is none, or it was removed.</summary>
    internal int Find(int directory, ReadOnlySpan<byte> name)
    {
        for (int node = _buckets[Bucket(directory, name)]; node != None; node = _nodes[node].NextInBucket)
        {
            ref var candidate = ref _nodes[node];
            if (candidate.Directory == directory && candidate.Kind != TreeNodeKind.Gone && NameOf(node).SequenceEqual(name))
                return node;
        }
        return None;
    }

    /// <summary>Adds an entry that is no directory to a directory that has none of that name.</summary>
    internal int Add(int directory, ReadOnlySpan<byte> name, TreeNodeKind kind, uint inode) => AddNode(directory, name, default, kind, inode);

    /// <summary>Adds a symbolic link, whose target is kept: later entries may go through it.</summary>
    internal int AddSymlink(int directory, ReadOnlySpan<byte> name, ReadOnlySpan<byte> target, uint inode) =>
        AddNode(directory, name, target, TreeNodeKind.Symlink, inode);

    /// <summary>Adds a directory; returns its number.</summary>
    internal int AddDirectory(int parent, ReadOnlySpan<byte> name, DirectoryMarks flags)
    {
        int directory = _directories.Add(new TreeDirectory { Parent = parent, First = None, Flags = flags });
        _directories[directory].Node = AddNode(parent, name, default, TreeNodeKind.Directory, (uint)directory);
        return directory;
    }

    /// <summary>Takes an entry out; its name is free then.</summary>
    internal void Remove(int node) => _nodes[node].Kind = TreeNodeKind.Gone;

    /// <summary>An entry's name.</summary>
    internal ReadOnlySpan<byte> NameOf(int node)
    {
        var text = _names.Get(_nodes[node].Name);
        return _nodes[node].Kind == TreeNodeKind.Symlink ? text[..text.IndexOf((byte)'/')] : text;
    }

    /// <summary>An entry's name, as memory: nothing is copied.</summary>
    internal ReadOnlyMemory<byte> NameMemoryOf(int node) => _names.GetMemory(_nodes[node].Name)[..NameOf(node).Length];

    /// <summary>A symbolic link's target.</summary>
    internal ReadOnlySpan<byte> TargetOf(int node)
    {
        var text = _names.Get(_nodes[node].Name);
        return text[(text.IndexOf((byte)'/') + 1)..];
    }

    /// <summary>Where a directory stands.</summary>
    internal EntryPath PathOf(int directory)
    {
        var names = new Stack<int>();
        for (int at = directory; at != Root; at = _directories[at].Parent)
            names.Push(_directories[at].Node);
        var path = new List<byte>();
        foreach (int node in names)
        {
            if (path.Count > 0)
                path.Add((byte)'/');
            path.AddRange(NameOf(node));
        }
        return EntryPath.Create(path.ToArray());
    }

    /// <summary>The entries of a directory, in no order.</summary>
    internal IEnumerable<int> ChildrenOf(int directory)
    {
        for (int node = _directories[directory].First; node != None; node = _nodes[node].NextInDirectory)
        {
            if (_nodes[node].Kind != TreeNodeKind.Gone)
                yield return node;
        }
    }

    /// <summary>True if the layers below show nothing inside a directory: it, or one above it, is opaque.</summary>
    internal bool HidesLower(int directory)
    {
        for (int at = directory; at != None; at = _directories[at].Parent)
        {
            if ((_directories[at].Flags & DirectoryMarks.Opaque) != 0)
                return true;
        }
        return false;
    }

    /// <summary>True if a directory was not taken out, nor one above it.</summary>
    internal bool IsThere(int directory)
    {
        for (int at = directory; at != Root; at = _directories[at].Parent)
        {
            if (_nodes[_directories[at].Node].Kind != TreeNodeKind.Directory)
                return false;
        }
        return true;
    }

    private int AddNode(int directory, ReadOnlySpan<byte> name, ReadOnlySpan<byte> target, TreeNodeKind kind, uint value)
    {
        if (_nodes.Count >= _buckets.Length)
            Grow();
        int text = kind == TreeNodeKind.Symlink ? _names.Add([.. name, (byte)'/', .. target]) : _names.Add(name);
        ref int bucket = ref _buckets[Bucket(directory, name)];
        ref var parent = ref _directories[directory];
        int node = _nodes.Add(new TreeNode
        {
            Directory = directory, NextInBucket = bucket, NextInDirectory = parent.First, Name = text, Value = value, Kind = kind,
        });
        bucket = node;
        parent.First = node;
        return node;
    }

    private void Grow()
    {
        _buckets = NewBuckets(_buckets.Length * 2);
        for (int node = 0; node < _nodes.Count; node++)
        {
            // Those that are gone too: names are found by the newest first, whatever the order here.
            ref int bucket = ref _buckets[Bucket(_nodes[node].Directory, NameOf(node))];
            _nodes[node].NextInBucket = bucket;
            bucket = node;
        }
    }

    private int Bucket(int directory, ReadOnlySpan<byte> name) =>
        (int)((XxHash3.HashToUInt64(name, _seed) ^ ((ulong)directory * 0x9E3779B97F4A7C15)) % (ulong)_buckets.Length);

    private static int[] NewBuckets(int length)
    {
        int[] buckets = new int[length];
        buckets.AsSpan().Fill(None);
        return buckets;
    }
}

/// <summary>One name of the tree.</summary>
internal struct TreeNode
{
    /// <summary>The directory that it stands in.</summary>
    internal int Directory;

    /// <summary>The next entry of the same bucket of names.</summary>
    internal int NextInBucket;

    /// <summary>The next entry of the same directory.</summary>
    internal int NextInDirectory;

    /// <summary>Where its name is kept.</summary>
    internal int Name;

    /// <summary>Its inode; of a directory the number.</summary>
    internal uint Value;

    /// <summary>What it is.</summary>
    internal TreeNodeKind Kind;

    /// <summary>True: an entry of the layer removes what the layers below have by this name.</summary>
    internal bool RemovesLower;
}

/// <summary>What a name of the tree is, as far as the tree must know.</summary>
internal enum TreeNodeKind : byte
{
    /// <summary>Taken out.</summary>
    Gone,

    /// <summary>A regular file.</summary>
    File,

    /// <summary>A directory.</summary>
    Directory,

    /// <summary>A symbolic link.</summary>
    Symlink,

    /// <summary>A character device.</summary>
    CharDevice,

    /// <summary>A block device.</summary>
    BlockDevice,

    /// <summary>A fifo.</summary>
    Fifo,

    /// <summary>Nothing: hides what the layers below have by this name.</summary>
    Whiteout,
}

/// <summary>One directory of the tree.</summary>
internal struct TreeDirectory
{
    /// <summary>Its entry; none for the root.</summary>
    internal int Node;

    /// <summary>The directory that it stands in; none for the root.</summary>
    internal int Parent;

    /// <summary>The first of its entries, the newest.</summary>
    internal int First;

    /// <summary>How it came to be, what it hides.</summary>
    internal DirectoryMarks Flags;

    /// <summary>What the last entry said of it.</summary>
    internal ErofsAttributes Attributes;

    /// <summary>Its inode, once it is planned.</summary>
    internal ErofsNode Inode;

    /// <summary>How many directories are in it; counted when it is planned.</summary>
    internal uint Subdirectories;
}

/// <summary>How a directory came to be and what it hides.</summary>
[Flags]
internal enum DirectoryMarks : byte
{
    /// <summary>Listed by the layer.</summary>
    None = 0,

    /// <summary>No entry told of it: it looks as below.</summary>
    Implied = 1,

    /// <summary>Hides all that the layers below have in it.</summary>
    Opaque = 2,

    /// <summary>Made only since the layer names something in it that lies below: a hard link's target, something that it removes.</summary>
    AsBelow = 4,

    /// <summary>Has whiteouts.</summary>
    HasWhiteouts = 8,

    /// <summary>Stands where the layer removed or replaced what the layers below have: it is opaque, and looks like none of theirs.</summary>
    Replaces = 16,
}
