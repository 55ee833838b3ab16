using System.Collections;
using System.Runtime.InteropServices;
using System.Text;

namespace Strata.Linux;

/// <summary>Becoming another program: execve(2), chroot(2), chdir(2).</summary>
public static unsafe class ExecCalls
{
    private const int SetDescriptorFlags = 2;
    private const int CloseOnExec = 1;

    /// <summary>Becomes another program, with this process's descriptors and the environment as it is set now. Returns only if it can't.</summary>
    /// <param name="path">The program.</param>
    /// <param name="arguments">Its arguments, its own name the first.</param>
    public static Errno TryExecute(string path, IReadOnlyList<string> arguments)
    {
        var environment = new List<string>();
        foreach (DictionaryEntry entry in Environment.GetEnvironmentVariables())
            environment.Add($"{entry.Key}={entry.Value}");
        byte** argv = Strings(arguments), envp = Strings(environment);
        byte* file = Terminated(path);
        _ = Native.execve(file, argv, envp);
        var errno = Native.LastErrno;
        NativeMemory.Free(file);
        Free(argv);
        Free(envp);
        return errno;
    }

    /// <summary>Makes a directory this process's root, and goes there.</summary>
    public static Errno TryChangeRoot(string path)
    {
        using (var root = new FileName(FileName.Of(path), stackalloc byte[256]))
        {
            if (Native.chroot(ref root.Pointer) != 0)
                return Native.LastErrno;
        }
        using var top = new FileName("/"u8, stackalloc byte[8]);
        return Native.chdir(ref top.Pointer) == 0 ? Errno.None : Native.LastErrno;
    }

    /// <summary>Whether a descriptor goes on to the program that this process becomes.</summary>
    public static Errno TryPassOn(int descriptor, bool on) => Native.fcntl(descriptor, SetDescriptorFlags, on ? 0 : CloseOnExec) >= 0 ? Errno.None : Native.LastErrno;

    private static byte** Strings(IReadOnlyList<string> texts)
    {
        byte** strings = (byte**)NativeMemory.Alloc((nuint)(texts.Count + 1), (nuint)sizeof(byte*));
        for (int i = 0; i < texts.Count; i++)
            strings[i] = Terminated(texts[i]);
        strings[texts.Count] = null;
        return strings;
    }

    private static byte* Terminated(string text)
    {
        int length = Encoding.UTF8.GetByteCount(text);
        byte* bytes = (byte*)NativeMemory.Alloc((nuint)length + 1);
        Encoding.UTF8.GetBytes(text, new Span<byte>(bytes, length));
        bytes[length] = 0;
        return bytes;
    }

    private static void Free(byte** strings)
    {
        for (byte** s = strings; *s != null; s++)
            NativeMemory.Free(*s);
        NativeMemory.Free(strings);
    }
}
