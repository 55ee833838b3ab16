namespace Strata;

/// <summary>What an entry of a layer is.</summary>
public enum EntryKind
{
    /// <summary>A regular file, sparse or not.</summary>
    RegularFile = 0,

    /// <summary>A directory.</summary>
    Directory,

    /// <summary>A symbolic link; its target is <see cref="LayerEntry.LinkTarget"/>, uninterpreted bytes.</summary>
    Symlink,

    /// <summary>Another name of the file at <see cref="LayerEntry.HardLinkTarget"/>.</summary>
    HardLink,

    /// <summary>A character device.</summary>
    CharDevice,

    /// <summary>A block device.</summary>
    BlockDevice,

    /// <summary>A fifo.</summary>
    Fifo,

    /// <summary>A socket: may stand in a tree, never in a tar.</summary>
    Socket,

    /// <summary>Removes the entry of this path from the layers below (OCI's <c>.wh.NAME</c>).</summary>
    Whiteout,

    /// <summary>Hides all children that the layers below have in the directory of this path (OCI's <c>.wh..wh..opq</c>).</summary>
    Opaque,
}
