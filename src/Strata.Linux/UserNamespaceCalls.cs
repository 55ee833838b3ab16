using System.Collections.Concurrent;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;

namespace Strata.Linux;

/// <summary>User namespaces (user_namespaces(7)): made by clone(2), held by a descriptor (ioctl_ns(2)).</summary>
/// <remarks>
/// unshare(2) of one wants a process of a single thread, which a .NET process never is, and nothing managed may run in a forked child. So the child
/// runs nothing but the C library's sleep(3), in this process's memory and on a stack of its own (CLONE_VM, so that no page table is copied:
/// 60 µs where fork(2) takes milliseconds), until its namespaces are open here; then it is killed. Should this process die meanwhile, the child ends
/// by itself.
/// </remarks>
public static unsafe class UserNamespaceCalls
{
    private const int NewMounts = 0x20000;
    private const int NewUser = 0x10000000;
    private const int SharedMemory = 0x100;
    private const int StackBytes = 64 * 1024;
    private const int SecondsAtMost = 10;
    private const int WaitAll = 0x40000000;
    private const int DontWait = 1;
    private const int Kill = 9;
    private const int BlockSignals = 0;
    private const int SetSignals = 2;
    private static readonly ConcurrentQueue<(int Child, nint Stack)> Ending = new();

    /// <summary>Makes a user namespace, and one of mounts that belongs to it if that is wanted.</summary>
    /// <param name="withMounts">True: a mount namespace too.</param>
    /// <param name="map">Writes the maps of the process that it is given, by <see cref="TryWriteMap"/> or with newuidmap(1); what it throws ends it all.</param>
    /// <param name="user">The user namespace.</param>
    /// <param name="mounts">The mount namespace, or null.</param>
    /// <returns>EPERM, ENOSPC or EUSERS: they are forbidden here, or there are as many as may be.</returns>
    public static Errno TryMake(bool withMounts, Action<int> map, out FileDescriptor? user, out FileDescriptor? mounts)
    {
        user = mounts = null;
        Bury();
        nint library = NativeLibrary.GetMainProgramHandle();
        if (!NativeLibrary.TryGetExport(library, "sleep", out nint sleep))
            sleep = NativeLibrary.GetExport(NativeLibrary.Load("libc.so.6"), "sleep");
        void* stack = NativeMemory.AlignedAlloc(StackBytes, 4096);
        int child = -1;
        try
        {
            var errno = Begin(sleep, (byte*)stack + StackBytes, NewUser | SharedMemory | (withMounts ? NewMounts : 0), out child);
            if (errno != Errno.None)
                return errno;
            map(child);
            string of = string.Create(CultureInfo.InvariantCulture, $"/proc/{child}/ns/");
            user = FileCalls.Open(of + "user", OpenFlags.ReadOnly);
            mounts = withMounts ? FileCalls.Open(of + "mnt", OpenFlags.ReadOnly) : null;
            return Errno.None;
        }
        finally
        {
            if (child > 0)
                End(child, (nint)stack);
            else
                NativeMemory.AlignedFree(stack);
        }
    }

    /// <summary>Writes a map of a process, once for all: lines of the first ID inside, the first outside, and how many.</summary>
    /// <param name="process">The process.</param>
    /// <param name="file"><c>uid_map</c>, <c>gid_map</c> or <c>setgroups</c>.</param>
    /// <param name="text">The lines; in one piece, as the kernel wants it.</param>
    public static Errno TryWriteMap(int process, string file, string text)
    {
        using var opened = FileCalls.Open(string.Create(CultureInfo.InvariantCulture, $"/proc/{process}/{file}"), OpenFlags.WriteOnly);
        return FileCalls.TryWriteAll(opened.Number, Encoding.ASCII.GetBytes(text));
    }

    /// <summary>Makes the child, with all signals blocked: a handler of this process must not run in it.</summary>
    private static Errno Begin(nint entry, byte* stackTop, int flags, out int child)
    {
        ulong* all = stackalloc ulong[16];
        ulong* old = stackalloc ulong[16];
        new Span<ulong>(all, 16).Fill(ulong.MaxValue);
        _ = Native.pthread_sigmask(BlockSignals, all, old);
        child = Native.clone(entry, stackTop, flags, SecondsAtMost);
        var errno = child < 0 ? Native.LastErrno : Errno.None;
        _ = Native.pthread_sigmask(SetSignals, old, null);
        return errno;
    }

    /// <summary>Kills the child. Its end is not waited for, which takes longer than all the rest: the next one that is made sees to it.</summary>
    private static void End(int child, nint stack)
    {
        _ = Native.kill(child, Kill);
        Ending.Enqueue((child, stack));
    }

    /// <summary>Buries children that have ended. They have no signal to tell it by, so they are waited for as clones.</summary>
    private static void Bury()
    {
        int status;
        for (int i = Ending.Count; i > 0 && Ending.TryDequeue(out var one); i--)
        {
            if (Native.waitpid(one.Child, &status, WaitAll | DontWait) == 0)
                Ending.Enqueue(one);
            else
                NativeMemory.AlignedFree((void*)one.Stack);
        }
    }
}
