using System.Globalization;
using System.Text;
using Strata.Linux;

namespace Strata.Trees;

/// <summary>Sets files aside that a later entry of the same layer replaces, since the layer's recipe still needs their content.</summary>
internal sealed class Displacer : IDisposable
{
    private readonly string? _directory;
    private readonly ITreeWriterObserver? _observer;
    private readonly Lock _lock = new();
    private RootDirectory? _open;
    private int _last;

    internal Displacer(TreeWriterOptions options)
    {
        _directory = options.DisplacedDirectory;
        _observer = options.Observer;
    }

    private bool IsOff => _directory is null || _observer is null;

    /// <summary>Gets a name out of the way of entry <paramref name="atIndex"/>: sets aside what may hold contents of this layer, else removes it.</summary>
    internal void Clear(OpenDirectory directory, ReadOnlySpan<byte> name, FileStatus status, long atIndex, bool ofThisLayer)
    {
        bool keep = !IsOff && ofThisLayer && (status.IsDirectory || (status.Type == NameCalls.TypeRegular && status.SizeBytes > 0));
        if (!keep)
        {
            TreeRemover.Remove(directory.Number, name);
            return;
        }
        var (target, number) = Next();
        var errno = NameCalls.TryRename(directory.Number, name, target.File.Number, Text(number));
        if (errno == Errno.EXDEV)
        {
            // The tree is a mount of its own, such as overlayfs.
            Copy(directory, name, status, target, Text(number));
            TreeRemover.Remove(directory.Number, name);
        }
        else if (errno != Errno.None)
            throw new LinuxException(errno, "renameat2", directory.Path.Child(name).ToString());
        _observer!.Displaced(directory.Path.Child(name), number, atIndex);
    }

    /// <summary>Keeps the content of an entry that a later one had replaced before it was written.</summary>
    internal void Keep(OpenDirectory directory, ReadOnlySpan<byte> name, ReadOnlySpan<byte> content, long index)
    {
        if (IsOff || content.IsEmpty)
            return;
        var (target, number) = Next();
        using var file = FileCalls.OpenAt(target.File, Text(number), OpenFlags.WriteOnly | OpenFlags.Create | OpenFlags.Exclusive, 0x180);
        var errno = FileCalls.TryWriteAll(file.Number, content);
        if (errno != Errno.None)
            throw new LinuxException(errno, "write", directory.Path.Child(name).ToString());
        _observer!.Displaced(directory.Path.Child(name), number, index + 1);
    }

    public void Dispose() => _open?.Dispose();

    private static void Copy(OpenDirectory directory, ReadOnlySpan<byte> name, FileStatus status, RootDirectory target, byte[] newName)
    {
        if (!status.IsDirectory)
        {
            TreeCopier.CopyObject(directory.Number, name, target, target.File.Number, newName);
            return;
        }
        var errno = NameCalls.TryMakeDirectory(target.File.Number, newName, 0x1C0);
        if (errno != Errno.None)
            throw new LinuxException(errno, "mkdirat", EntryPath.Display(newName));
        errno = FileCalls.TryOpenAt(directory.Number, name, OpenFlags.ReadOnly | OpenFlags.Directory | OpenFlags.NoFollow, 0, out var opened);
        if (errno != Errno.None)
            throw new LinuxException(errno, "openat", EntryPath.Display(name));
        using var source = RootDirectory.Adopt(opened!, EntryPath.Display(name));
        using var copy = RootDirectory.Adopt(
            FileCalls.OpenAt(target.File, newName, OpenFlags.ReadOnly | OpenFlags.Directory | OpenFlags.NoFollow), EntryPath.Display(newName));
        TreeCopier.Copy(source, copy);
    }

    private (RootDirectory Target, int Number) Next()
    {
        lock (_lock)
        {
            if (_open is null)
            {
                Directory.CreateDirectory(_directory!);
                _open = RootDirectory.Open(_directory!);
            }
            return (_open, _last++);
        }
    }

    private static byte[] Text(int number) => Encoding.ASCII.GetBytes(number.ToString(CultureInfo.InvariantCulture));
}
