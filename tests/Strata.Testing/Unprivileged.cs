using System.ComponentModel;
using System.Runtime.ExceptionServices;
using System.Runtime.InteropServices;

namespace Strata.Testing;

/// <summary>Runs code as the user nobody, in a process that is root.</summary>
/// <remarks>
/// To the kernel each thread has its own credentials; glibc's wrappers hide it by changing all threads, the bare system calls do not. Threads
/// that the code starts are nobody's too.
/// </remarks>
public static class Unprivileged
{
    /// <summary>The user and group that the code runs as.</summary>
    public const int User = 65534;

    private static readonly bool Arm = RuntimeInformation.ProcessArchitecture == Architecture.Arm64;

    /// <summary>Runs an action on a thread of its own, as nobody.</summary>
    public static void Run(Action action)
    {
        ExceptionDispatchInfo? error = null;
        var thread = new Thread(() =>
        {
            try
            {
                Call(Arm ? 159 : 116, 0, 0, 0); // setgroups
                Call(Arm ? 149 : 119, User, User, User); // setresgid
                Call(Arm ? 147 : 117, User, User, User); // setresuid; clears the capabilities
                action();
            }
            catch (Exception e)
            {
                error = ExceptionDispatchInfo.Capture(e);
            }
        });
        thread.Start();
        thread.Join();
        error?.Throw();
    }

    private static void Call(nint number, nint a, nint b, nint c)
    {
        if (Syscall(number, a, b, c) != 0)
            throw new Win32Exception(Marshal.GetLastPInvokeError());
    }

    [DllImport("libc", EntryPoint = "syscall", SetLastError = true)]
    private static extern nint Syscall(nint number, nint a, nint b, nint c);
}
