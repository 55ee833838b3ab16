using Strata.Linux;

namespace Strata.Trees;

/// <summary>The root of a tree on disk: an open directory, below which everything is looked up.</summary>
/// <remarks>Owns its descriptor. Look-ups never leave the root, whatever symbolic links the tree holds. Safe for many threads.</remarks>
public sealed class RootDirectory : IDisposable
{
    private readonly FileDescriptor? _mount;
    private readonly IDisposable? _lender;

    private RootDirectory(FileDescriptor file, string shown, FileDescriptor? mount = null, IDisposable? lender = null)
    {
        _lender = lender;
        File = file;
        Shown = shown;
        _mount = mount;
    }

    /// <summary>The open directory.</summary>
    public FileDescriptor File { get; }

    /// <summary>Its path when it was opened: for messages only.</summary>
    public string Shown { get; }

    /// <summary>Opens a directory as a root.</summary>
    /// <exception cref="StrataException">NotFound: it is not there. InvalidArgument: it is no directory.</exception>
    public static RootDirectory Open(string path) => new(FileCalls.Open(path, OpenFlags.ReadOnly | OpenFlags.Directory), path);

    /// <summary>Takes over an open directory as a root.</summary>
    public static RootDirectory Adopt(FileDescriptor directory, string shown) => new(directory, shown);

    /// <summary>Opens a directory as a root that something stands behind.</summary>
    /// <param name="path">The directory.</param>
    /// <param name="lender">Disposed after the descriptor is closed; also if the directory can't be opened.</param>
    public static RootDirectory Open(string path, IDisposable lender)
    {
        try
        {
            return new(FileCalls.Open(path, OpenFlags.ReadOnly | OpenFlags.Directory), path, null, lender);
        }
        catch
        {
            lender.Dispose();
            throw;
        }
    }

    /// <summary>True: it is a mount that is attached nowhere, and gone with this.</summary>
    public bool IsDetachedMount => _mount is not null;

    /// <summary>Opens a path below the root, symbolic links followed inside it; returns errno.</summary>
    public Errno TryOpen(EntryPath path, int flags, out FileDescriptor? file) =>
        RootedCalls.TryOpenInRoot(File.Number, path.Bytes, flags, 0, out file);

    /// <summary>Opens a regular file below the root for reading, symbolic links followed inside it.</summary>
    /// <exception cref="StrataException">NotFound: it is not there. InvalidArgument: it is no regular file.</exception>
    public FileDescriptor OpenFile(EntryPath path)
    {
        // O_NONBLOCK: a fifo that stands there must not make us wait.
        var errno = TryOpen(path, OpenFlags.ReadOnly | OpenFlags.NonBlock, out var file);
        if (errno != Errno.None)
            throw new LinuxException(errno, "open", $"{path} in {Shown}");
        if (AttributeCalls.Stat(file!).Type == NameCalls.TypeRegular)
            return file!;
        file!.Dispose();
        throw StrataException.InvalidArgument($"{path} in {Shown} is no regular file.");
    }

    /// <summary>Status of a path below the root, the last component not followed; null: nothing is there.</summary>
    public FileStatus? FindStatus(EntryPath path)
    {
        var errno = TryOpen(path, OpenFlags.Path | OpenFlags.NoFollow, out var file);
        if (errno is Errno.ENOENT or Errno.ENOTDIR or Errno.ELOOP)
            return null;
        if (errno != Errno.None)
            throw new LinuxException(errno, "openat2", $"{path} in {Shown}");
        using (file)
            return AttributeCalls.Stat(file!);
    }

    /// <summary>Closes the descriptor.</summary>
    public void Dispose()
    {
        File.Dispose();
        _mount?.Dispose();
        _lender?.Dispose();
    }

    /// <summary>Takes over a mount that is attached nowhere.</summary>
    /// <remarks>Its descriptor is kept: without it the mount is in no namespace any more, and overlay would not take it as a lower directory.</remarks>
    internal static RootDirectory AdoptMount(FileDescriptor mount, string shown)
    {
        try
        {
            return new(FileCalls.OpenAt(mount, "."u8, OpenFlags.ReadOnly | OpenFlags.Directory), shown, mount);
        }
        catch
        {
            mount.Dispose();
            throw;
        }
    }
}
