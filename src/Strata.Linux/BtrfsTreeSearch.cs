using System.Buffers;
using System.Buffers.Binary;
using System.Runtime.InteropServices;

namespace Strata.Linux;

/// <summary>Reads items of a btrfs tree in the order of their keys (BTRFS_IOC_TREE_SEARCH_V2, Linux 3.16). Needs CAP_SYS_ADMIN.</summary>
/// <remarks>
/// With a least transaction whole blocks of the tree are skipped that are older: what is left costs what changed. A block that is young enough
/// gives all its items, old ones too. What the kernel has not put into the tree yet is not seen: snapshot or commit first.
/// </remarks>
public sealed unsafe class BtrfsTreeSearch : IDisposable
{
    /// <summary>An inode (BTRFS_INODE_ITEM_KEY): its generation, then the transaction that last changed it.</summary>
    public const int InodeItem = 1;

    /// <summary>Names of an inode in the directory that is the key's offset (BTRFS_INODE_REF_KEY).</summary>
    public const int InodeReference = 12;

    /// <summary>More names of an inode (BTRFS_INODE_EXTREF_KEY).</summary>
    public const int InodeExtendedReference = 13;

    /// <summary>An extended attribute of an inode (BTRFS_XATTR_ITEM_KEY).</summary>
    public const int Xattr = 24;

    /// <summary>A name in a directory, in the order in which they were made (BTRFS_DIR_INDEX_KEY).</summary>
    public const int DirectoryIndex = 96;

    /// <summary>A piece of a file's data (BTRFS_EXTENT_DATA_KEY).</summary>
    public const int ExtentData = 108;

    /// <summary>A subvolume (BTRFS_ROOT_ITEM_KEY).</summary>
    public const int RootItem = 132;

    /// <summary>Where a subvolume lies (BTRFS_ROOT_BACKREF_KEY).</summary>
    public const int RootBackReference = 144;

    /// <summary>The subvolume of a UUID (BTRFS_UUID_KEY_SUBVOL).</summary>
    public const int UuidSubvolume = 251;

    private const nuint Request = 0xC0709411;
    private const int HeaderSize = 32;
    private const int LargeBuffer = 256 * 1024;
    private const int SmallBuffer = 4 * 1024;

    /// <summary>No item is larger than a node of the tree, which has 64 KB at most.</summary>
    private const int LargestItem = HeaderSize + (64 * 1024);
    private readonly FileDescriptor _file;
    private readonly BtrfsKey _last;
    private readonly ulong _tree;
    private readonly ulong _leastTransaction;
    private readonly bool _onlyFirst;
    private BtrfsKey _next;
    private byte[]? _buffer;
    private int _size;
    private int _position;
    private int _left;
    private bool _atEnd;
    private int _dataStart;
    private int _dataLength;

    /// <summary>Begins a search.</summary>
    /// <param name="file">A file of the file system; stays the caller's.</param>
    /// <param name="tree">The tree; 0: that of the file's subvolume.</param>
    /// <param name="first">The least key.</param>
    /// <param name="last">The greatest key.</param>
    /// <param name="leastTransaction">Blocks that were written before this transaction are left out; 0: none are.</param>
    /// <param name="onlyFirst">True: the first item is enough. The kernel then does not go through the rest of its block, and fills a small buffer: less than half the time.</param>
    public BtrfsTreeSearch(FileDescriptor file, ulong tree, BtrfsKey first, BtrfsKey last, ulong leastTransaction = 0, bool onlyFirst = false)
    {
        _file = file;
        _tree = tree;
        _next = first;
        _last = last;
        _leastTransaction = leastTransaction;
        _onlyFirst = onlyFirst;
        Rent(onlyFirst ? SmallBuffer : LargeBuffer);
    }

    /// <summary>The key of the item.</summary>
    public BtrfsKey Key { get; private set; }

    /// <summary>The item; valid until the next one is asked for.</summary>
    public ReadOnlySpan<byte> Data => _buffer.AsSpan(_dataStart, _dataLength);

    /// <summary>Goes to the next item; false at the end.</summary>
    /// <exception cref="LinuxException">PermissionDenied: the process lacks CAP_SYS_ADMIN. NotFound: there is no such tree.</exception>
    public bool MoveNext()
    {
        ObjectDisposedException.ThrowIf(_buffer is null, this);
        while (true)
        {
            while (_left > 0)
            {
                var header = _buffer.AsSpan(_position, HeaderSize);
                Key = new BtrfsKey(
                    BinaryPrimitives.ReadUInt64LittleEndian(header[8..]), (int)BinaryPrimitives.ReadUInt32LittleEndian(header[24..]),
                    BinaryPrimitives.ReadUInt64LittleEndian(header[16..]));
                _dataLength = (int)BinaryPrimitives.ReadUInt32LittleEndian(header[28..]);
                _dataStart = _position + HeaderSize;
                _position = _dataStart + _dataLength;
                _left--;
                return true;
            }
            if (_atEnd || !Fill())
                return false;
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (_buffer is not null)
            ArrayPool<byte>.Shared.Return(_buffer);
        _buffer = null;
    }

    private void Rent(int size)
    {
        if (_buffer is not null)
            ArrayPool<byte>.Shared.Return(_buffer);
        _buffer = ArrayPool<byte>.Shared.Rent(size);
        _size = size;
    }

    private bool Fill()
    {
        if (_left == 0 && _dataStart > 0)
        {
            // The kernel stops at the last key or when an item more has no room: with room enough for any it was the last key.
            if (_onlyFirst || _size - _position >= LargestItem || Key.Next() is not { } next || next > _last)
                return false;
            _next = next;
        }
        var errno = Search();
        if (errno == Errno.EOVERFLOW && _size < LargeBuffer)
        {
            Rent(LargeBuffer); // the item alone is larger
            errno = Search();
        }
        return errno == Errno.None ? !_atEnd : throw new LinuxException(errno, "ioctl BTRFS_IOC_TREE_SEARCH_V2");
    }

    private Errno Search()
    {
        // The arguments stand before the buffer that the kernel fills.
        int offset = sizeof(BtrfsSearchArguments);
        ref var arguments = ref MemoryMarshal.AsRef<BtrfsSearchArguments>(_buffer.AsSpan());
        arguments = new BtrfsSearchArguments
        {
            Tree = _tree,
            MinObject = _next.ObjectId,
            MinType = (uint)_next.Type,
            MinOffset = _next.Offset,
            MaxObject = _last.ObjectId,
            MaxType = (uint)_last.Type,
            MaxOffset = _last.Offset,
            MinTransaction = _leastTransaction,
            MaxTransaction = ulong.MaxValue,
            Items = _onlyFirst ? 1 : uint.MaxValue,
            BufferSize = (ulong)(_size - offset),
        };
        fixed (byte* p = _buffer)
        {
            if (Native.ioctl(_file.Number, Request, (nuint)p) != 0)
                return Native.LastErrno;
        }
        _left = (int)arguments.Items;
        _position = offset;
        _dataStart = offset;
        _atEnd = _left == 0;
        return Errno.None;
    }
}
