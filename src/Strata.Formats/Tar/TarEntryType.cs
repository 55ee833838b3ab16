namespace Strata.Formats.Tar;

/// <summary>The type of a tar entry, its typeflag (POSIX.1-2017, pax, "ustar Interchange Format").</summary>
public enum TarEntryType : byte
{
    /// <summary>A regular file; also typeflag NUL (v7), <c>7</c> (contiguous) and <c>S</c> (GNU sparse), which are read as this.</summary>
    RegularFile = (byte)'0',

    /// <summary>A hard link to an earlier entry.</summary>
    HardLink = (byte)'1',

    /// <summary>A symbolic link.</summary>
    Symlink = (byte)'2',

    /// <summary>A character device.</summary>
    CharDevice = (byte)'3',

    /// <summary>A block device.</summary>
    BlockDevice = (byte)'4',

    /// <summary>A directory; also a v7 regular entry whose name ends in a slash.</summary>
    Directory = (byte)'5',

    /// <summary>A fifo.</summary>
    Fifo = (byte)'6',
}
