using System.Globalization;
using System.Runtime.InteropServices;

namespace Strata.Linux;

/// <summary>Going on in the background: setsid(2), setpriority(2), ioprio_set(2).</summary>
public static class BackgroundCalls
{
    private const int GetDescriptorFlags = 1;
    private const int CloseOnExec = 1;
    private const int PriorityOfProcess = 0;
    private const int LowestPriority = 19;
    private const int IoPriorityWhoProcess = 1;
    private const int IoPriorityIdle = 3 << 13;
    private static readonly nint IoPrioritySet = RuntimeInformation.ProcessArchitecture == Architecture.X64 ? 251 : 30;

    /// <summary>
    /// Lets go of whoever started this process: a session of its own, /dev/null for its standard input and outputs, and nothing open that came from
    /// there. To be called first: what the runtime has opened is closed at exec and therefore told from what was handed over.
    /// </summary>
    public static void Detach()
    {
        _ = Native.setsid(); // fails only for who leads one already
        foreach (string entry in Directory.GetFileSystemEntries("/proc/self/fd"))
        {
            if (int.TryParse(Path.GetFileName(entry), CultureInfo.InvariantCulture, out int number) && number > 2 && (Native.fcntl(number, GetDescriptorFlags, 0) & CloseOnExec) == 0)
                _ = Native.close(number); // one that is gone is EBADF, and has no flags either
        }
        using var nothing = FileCalls.Open("/dev/null", OpenFlags.ReadWrite);
        for (int standard = 0; standard <= 2; standard++)
            _ = Native.dup2(nothing.Number, standard);
    }

    /// <summary>Gives the calling thread the lowest priority, for the processor and for disks. Where that is not allowed it runs on as it is.</summary>
    public static void LowerPriority()
    {
        _ = Native.setpriority(PriorityOfProcess, 0, LowestPriority); // 0: in Linux the calling thread
        _ = Native.syscall3(IoPrioritySet, IoPriorityWhoProcess, 0, IoPriorityIdle);
    }
}
