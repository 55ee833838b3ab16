using System.Diagnostics;

namespace Strata.Trees;

/// <summary>Mounts that a program makes and serves (fuse(4)): type <c>fuse3.NAME</c> or <c>fuse.NAME</c>, as mount(8) and containerd have it.</summary>
public static class FuseMounts
{
    private static readonly string[] Prefixes = ["fuse3.", "fuse."];

    /// <summary>The type of what a program mounts.</summary>
    public static string TypeOf(string program) => Prefixes[0] + program;

    /// <summary>True for a mount of such a type.</summary>
    public static bool Is(Mount mount) => ProgramOf(mount) is not null;

    /// <summary>Where a program is on the PATH; null: nowhere.</summary>
    public static string? FindProgram(string name) =>
        (Environment.GetEnvironmentVariable("PATH") ?? "/usr/bin:/bin:/usr/sbin:/sbin").Split(':', StringSplitOptions.RemoveEmptyEntries)
        .Select(directory => Path.Combine(directory, name)).FirstOrDefault(File.Exists);

    /// <summary>Starts the program and waits until it has mounted. It goes on by itself, and ends with the mount.</summary>
    internal static void Mount(Mount mount, string target)
    {
        string program = ProgramOf(mount)!;
        string path = FindProgram(program) ?? throw StrataException.NotSupported($"Can't mount {mount.Type} at {target}: the program {program} is not on the PATH. Install it.");
        var (code, error) = Run(path, "-o", string.Join(',', mount.Options), target);
        if (code != 0)
        {
            throw StrataException.FailedPrecondition(
                $"Can't mount {mount.Type} at {target}: {program} ended with {code}: {error.Trim().ReplaceLineEndings(" ")}. It needs /dev/fuse, and root or a user namespace of mounts.");
        }
    }

    /// <summary>Unmounts what umount(2) does not let this user: by fusermount3(1), which is setuid; false: not so either.</summary>
    internal static bool TryUnmount(string target, bool lazy) => (FindProgram("fusermount3") ?? FindProgram("fusermount")) is { } program
        && Run(program, lazy ? ["-u", "-z", target] : ["-u", target]).ExitCode == 0;

    private static string? ProgramOf(Mount mount)
    {
        foreach (string prefix in Prefixes)
        {
            if (mount.Type.StartsWith(prefix, StringComparison.Ordinal))
                return mount.Type[prefix.Length..];
        }
        return null;
    }

    private static (int ExitCode, string Error) Run(string program, params string[] arguments)
    {
        // Its output must not become ours; what it leaves behind as a daemon has closed it.
        using var process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardError = true, RedirectStandardOutput = true, RedirectStandardInput = true, WorkingDirectory = "/" })!;
        process.StandardInput.Close();
        string error = process.StandardError.ReadToEnd();
        process.WaitForExit();
        return (process.ExitCode, error);
    }
}
