using Strata.Linux;

namespace Strata.Trees;

/// <summary>Asks the kernel what <see cref="ErofsSupport"/> tells.</summary>
internal static class ErofsProbe
{
    private const string InKernel = "EROFS in this kernel";
    private const string MayMount = "this process may mount EROFS";
    private const string FromFiles = "EROFS images are mounted as files";
    private const string ByLoop = "EROFS images are mounted by loop devices";
    private const string SmallBlocks = "EROFS images of 512-byte blocks, whose data lies in a tar";
    private const string DetachedLowers = "overlay over mounts that are attached nowhere";
    private const string NeedsTheOthers = "the above is missing.";
    private const int SmallBits = 9;
    private const int PageBits = 12;

    public static ErofsSupport Run(string directory)
    {
        var errno = MountCalls.TryOpenContext("erofs", out var context); // loads the module, where it is one
        context?.Dispose();
        bool listed = errno == Errno.None || File.ReadLines("/proc/filesystems").Any(line => line.EndsWith("\terofs", StringComparison.Ordinal));
        if (!listed)
            return Nothing(Finding.Bad(InKernel, "load its module (modprobe erofs), or run a kernel with CONFIG_EROFS_FS; the overlay driver does without."), Finding.Bad(MayMount, NeedsTheOthers));
        if (errno != Errno.None)
        {
            return Nothing(Finding.Good(InKernel), Finding.Bad(MayMount, errno == Errno.ENOSYS
                ? "this kernel is older than Linux 5.2."
                : "mounting needs root (CAP_SYS_ADMIN). Run as root, or use the vfs driver, which mounts nothing."));
        }
        using var small = new Trial(directory, SmallBits);
        using var large = new Trial(directory, PageBits);
        return Try(small, large);
    }

    private static ErofsSupport Try(Trial small, Trial large)
    {
        bool files = small.Mount(loop: false) || large.Mount(loop: false);
        if (!files && large.Errno is Errno.EPERM or Errno.EACCES)
            return Nothing(Finding.Good(InKernel), Finding.Bad(MayMount, "the kernel mounts no EROFS in a user namespace."));
        var fromFiles = files ? Finding.Good(FromFiles) : Finding.Bad(FromFiles, large.Errno == Errno.ENOTBLK
            ? "that takes Linux 6.12 with CONFIG_EROFS_FS_BACKED_BY_FILE, and a file system that is not tmpfs. Loop devices serve instead."
            : large.Why);
        bool loop = !files && (small.Mount(loop: true) || large.Mount(loop: true));
        var byLoop = files ? new Finding(ByLoop, false, "not tried, files serve.") : loop ? Finding.Good(ByLoop) : Finding.Bad(ByLoop, large.Why);
        var smallBlocks = small.Root is not null ? Finding.Good(SmallBlocks)
            : Finding.Bad(SmallBlocks, files || loop ? "they take Linux 6.4 or newer: " + small.Why : NeedsTheOthers);
        return new ErofsSupport(Finding.Good(InKernel), Finding.Good(MayMount), fromFiles, byLoop, smallBlocks, TryLowers(small, large, loop));
    }

    private static Finding TryLowers(Trial small, Trial large, bool loop)
    {
        if (small.Root is null || !(large.Root is not null || large.Mount(loop)))
            return Finding.Bad(DetachedLowers, NeedsTheOthers);
        try
        {
            using var overlay = Mounter.MountDetached(new Mount("overlay", "overlay", "", ["ro"]), [small.Root, large.Root!]);
            return Finding.Good(DetachedLowers);
        }
        catch (StrataException e)
        {
            return Finding.Bad(DetachedLowers, e.InnerException is LinuxException { Errno: Errno.EINVAL }
                ? "that takes Linux 6.15. Layers are mounted at directories instead."
                : e.Message);
        }
    }

    private static ErofsSupport Nothing(Finding inKernel, Finding mayMount) => new(
        inKernel, mayMount, Finding.Bad(FromFiles, NeedsTheOthers), Finding.Bad(ByLoop, NeedsTheOthers), Finding.Bad(SmallBlocks, NeedsTheOthers), Finding.Bad(DetachedLowers, NeedsTheOthers));

    /// <summary>An image in a file without a name, which is its own device: its file is its first block.</summary>
    private sealed class Trial : IDisposable
    {
        private readonly FileDescriptor _file;
        private readonly byte[] _content;

        public Trial(string directory, int blockBits)
        {
            byte[] image = ErofsProbeImage.Make(blockBits, 1);
            "Strata asks what this kernel can do."u8.CopyTo(image);
            _content = image[..(1 << blockBits)];
            _file = FileCalls.OpenUnnamed(directory);
            Errno = FileCalls.TryWriteAll(_file.Number, image);
            if (Errno == Errno.None)
                return;
            _file.Dispose();
            throw new LinuxException(Errno, "write a new file in", directory);
        }

        /// <summary>The mount, attached nowhere, if it succeeded.</summary>
        public RootDirectory? Root { get; private set; }

        /// <summary>Why the last attempt failed.</summary>
        public Errno Errno { get; private set; }

        /// <summary>Why the last attempt failed, in words.</summary>
        public string Why { get; private set; } = "";

        public bool Mount(bool loop)
        {
            string[] options = ["ro", "device=" + _file.ProcPath];
            try
            {
                Root = Mounter.MountDetached(new Mount("erofs", _file.ProcPath, "", loop ? ["loop", .. options] : options));
                using var file = Root.OpenFile(EntryPath.Of(ErofsProbeImage.FileName));
                byte[] read = new byte[_content.Length];
                if (FileCalls.ReadAt(file, read, 0) == read.Length && read.AsSpan().SequenceEqual(_content))
                    return true;
                Why = "an image was mounted, but its file was not read right.";
            }
            catch (StrataException e)
            {
                Errno = (e as LinuxException ?? e.InnerException as LinuxException)?.Errno ?? Errno.None;
                Why = e.Message;
            }
            Root?.Dispose();
            Root = null;
            return false;
        }

        public void Dispose()
        {
            Root?.Dispose();
            _file.Dispose();
        }
    }
}
