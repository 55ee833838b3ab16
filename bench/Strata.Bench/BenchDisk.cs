using System.Diagnostics;
using System.Runtime.InteropServices;
using Strata.Linux;
using Strata.Trees;

namespace Strata.Bench;

/// <summary>A journaled ext4 of its own, on a loop device: made cold by taking it down and up again, which disturbs nobody else's caches.</summary>
internal sealed class BenchDisk : IDisposable
{
    private const int DontNeed = 4;
    private readonly string _image;

    internal BenchDisk(string directory, int gigabytes)
    {
        Directory.CreateDirectory(directory);
        _image = Path.Combine(directory, "disk.img");
        Root = Directory.CreateDirectory(Path.Combine(directory, "disk")).FullName;
        if (!File.Exists(_image))
        {
            using (var file = File.Create(_image))
                file.SetLength((long)gigabytes << 30);
            Run("mkfs.ext4", "-q", "-F", "-E", "lazy_itable_init=0,lazy_journal_init=0", _image);
        }
        Up();
    }

    internal string Root { get; }

    /// <summary>Runs a program to its end, and returns the start of its output.</summary>
    internal static string Run(string program, params string[] arguments)
    {
        using var process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true })!;
        byte[] buffer = new byte[1 << 16];
        int first = process.StandardOutput.BaseStream.Read(buffer);
        process.StandardOutput.BaseStream.CopyTo(Stream.Null);
        process.WaitForExit();
        if (process.ExitCode != 0)
            throw new InvalidOperationException($"{program} {string.Join(' ', arguments)}: exit code {process.ExitCode}");
        return System.Text.Encoding.UTF8.GetString(buffer, 0, first);
    }

    /// <summary>How many megabytes of an open file are in the page cache (cachestat(2), Linux 6.5).</summary>
    internal static double CachedMegabytes(FileDescriptor file)
    {
        const nint cacheStat = 451;
        var range = default(CacheRange);
        if (CacheStat(cacheStat, file.Number, ref range, out var found, 0) != 0)
            throw new InvalidOperationException($"cachestat: errno {Marshal.GetLastPInvokeError()}");
        return found.Cached * (Environment.SystemPageSize / 1048576.0);
    }

    /// <summary>Takes it down and up: nothing of it is cached afterwards. Nothing may be mounted over it or open.</summary>
    internal void Cool()
    {
        Mounter.Unmount(Root);
        using (var file = FileCalls.Open(_image, OpenFlags.ReadOnly))
        {
            FileCalls.Sync(file, _image);
            if (Advise(file.Number, 0, 0, DontNeed) != 0)
                throw new InvalidOperationException("posix_fadvise");
        }
        Up();
    }

    public void Dispose() => Mounter.Unmount(Root);

    /// <summary>The loop device reads its file directly, as a disk is read: else the file system around it would read ahead and cache for it.</summary>
    private void Up()
    {
        string device = Run("losetup", "--direct-io=on", "--find", "--show", _image).Trim();
        try
        {
            Run("mount", device, Root);
        }
        finally
        {
            Run("losetup", "--detach", device); // when it is unmounted
        }
    }

    [DllImport("libc", EntryPoint = "posix_fadvise")]
    private static extern int Advise(int file, long offset, long length, int advice);

    [DllImport("libc", EntryPoint = "syscall", SetLastError = true)]
    private static extern nint CacheStat(nint number, int file, ref CacheRange range, out CacheFound found, uint flags);

    [StructLayout(LayoutKind.Sequential)]
    private struct CacheRange
    {
        public long Offset;
        public long Length; // 0: to the end
    }

    [StructLayout(LayoutKind.Sequential)]
    private struct CacheFound
    {
        public long Cached;
        public long Dirty;
        public long Writeback;
        public long Evicted;
        public long RecentlyEvicted;
    }
}
