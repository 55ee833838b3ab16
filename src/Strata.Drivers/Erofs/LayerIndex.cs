using Strata.Formats.Erofs;
using Strata.Linux;

namespace Strata.Drivers.Erofs;

/// <summary>An index that is open for reading.</summary>
internal sealed class LayerIndex : IDisposable
{
    private readonly FileStream _file;

    /// <exception cref="StrataException">Corrupt: it is damaged.</exception>
    internal LayerIndex(string path)
    {
        _file = FileStreams.OpenRead(FileCalls.Open(path, OpenFlags.ReadOnly));
        try
        {
            Reader = new ErofsReader(_file);
            long sizeBytes = (long)Reader.Superblock.Blocks << Reader.Superblock.BlockBits;
            if (_file.Length < sizeBytes)
                throw StrataException.Corrupt($"It has {_file.Length} bytes, and should have {sizeBytes}.");
        }
        catch (Exception e)
        {
            _file.Dispose();
            if (e is StrataException { Kind: not ErrorKind.Exhausted })
                throw StrataException.Corrupt($"The index {path} is damaged: {e.Message} Run strata check --repair, which makes it again.", e);
            throw;
        }
    }

    /// <summary>The index.</summary>
    internal ErofsReader Reader { get; }

    /// <summary>How long the layer's tar is, as the index says, in whole blocks.</summary>
    internal long TarBytes => BytesOf(LayerIndexer.TarDevice);

    /// <summary>How long the layer's side file is, as the index says; 0: there is none.</summary>
    internal long SideBytes => BytesOf(LayerIndexer.SideDevice);

    /// <summary>The attributes of an inode, as they stand there.</summary>
    internal static ErofsAttributes AttributesOf(ErofsInode inode) => new(inode.Mode, inode.Uid, inode.Gid, inode.Mtime, inode.Xattrs);

    /// <summary>True for overlayfs's mark of something removed.</summary>
    internal static bool IsWhiteout(ErofsInode inode) => inode is { Kind: EntryKind.CharDevice, DeviceMajor: 0, DeviceMinor: 0 };

    /// <summary>Where a regular file's content lies; the file is not empty.</summary>
    internal ErofsExtent PlaceOf(ErofsInode file)
    {
        using var extents = Reader.Extents(file).GetEnumerator();
        return extents.MoveNext() && extents.Current is var place && place.FileOffsetBytes == 0 && place.LengthBytes >= file.SizeBytes
            ? place
            : throw StrataException.Corrupt($"The index {_file.Name} is damaged: inode {file.Node.Nid} does not lie in one piece. Delete it; it is made again.");
    }

    public void Dispose() => _file.Dispose();

    private long BytesOf(int device) => Reader.Superblock.Devices.Count >= device ? (long)Reader.Superblock.Devices[device - 1].Blocks << Reader.Superblock.BlockBits : 0;
}
