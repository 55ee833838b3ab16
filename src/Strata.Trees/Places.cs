using Strata.Linux;

namespace Strata.Trees;

/// <summary>Makes a directory, file or symbolic link below a root where nothing is yet, never outside of it, whatever symbolic links lie there.</summary>
public static class Places
{
    /// <summary>Makes a directory and those above it, unless something is there.</summary>
    /// <param name="root">The root.</param>
    /// <param name="path">The directory.</param>
    /// <param name="mode">Its permissions, and those of directories above it that are made.</param>
    /// <exception cref="StrataException">FailedPrecondition: something that is no directory lies above it.</exception>
    public static void EnsureDirectory(RootDirectory root, EntryPath path, int mode) =>
        Ensure(root, path, mode, (parent, name) => NameCalls.TryMakeDirectory(parent, name, mode));

    /// <summary>Makes an empty file, unless something is there.</summary>
    /// <inheritdoc cref="EnsureDirectory"/>
    /// <param name="root">The root.</param>
    /// <param name="path">The file.</param>
    /// <param name="mode">Its permissions.</param>
    /// <param name="directoryMode">The permissions of directories above it that are made.</param>
    public static void EnsureFile(RootDirectory root, EntryPath path, int mode, int directoryMode) =>
        Ensure(root, path, directoryMode, (parent, name) => NameCalls.TryMakeNode(parent, name, NameCalls.TypeRegular | mode, 0, 0));

    /// <summary>Makes a symbolic link, unless something is there.</summary>
    /// <inheritdoc cref="EnsureDirectory"/>
    /// <param name="root">The root.</param>
    /// <param name="path">The link.</param>
    /// <param name="target">What it points at.</param>
    /// <param name="directoryMode">The permissions of directories above it that are made.</param>
    public static void EnsureSymlink(RootDirectory root, EntryPath path, byte[] target, int directoryMode) =>
        Ensure(root, path, directoryMode, (parent, name) => NameCalls.TryMakeSymlink(target, parent, name));

    private static void Ensure(RootDirectory root, EntryPath path, int directoryMode, Func<int, byte[], Errno> make)
    {
        FileDescriptor? parent = null;
        try
        {
            if (path.Parent is { IsRoot: false } above)
            {
                var errno = root.TryOpen(above, OpenFlags.Path | OpenFlags.Directory, out parent);
                if (errno == Errno.ENOENT)
                {
                    EnsureDirectory(root, above, directoryMode);
                    errno = root.TryOpen(above, OpenFlags.Path | OpenFlags.Directory, out parent);
                }
                if (errno is Errno.ENOTDIR or Errno.ELOOP or Errno.ENOENT)
                    throw StrataException.FailedPrecondition($"Can't make {path} below {root.Shown}: what lies above it is no directory.");
                if (errno != Errno.None)
                    throw new LinuxException(errno, "open", $"{root.Shown}/{above}");
            }
            var made = make((parent ?? root.File).Number, path.Name.ToArray());
            if (made is not (Errno.None or Errno.EEXIST))
                throw new LinuxException(made, "make", $"{root.Shown}/{path}");
        }
        finally
        {
            parent?.Dispose();
        }
    }
}
