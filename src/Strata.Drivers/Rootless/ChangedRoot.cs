using Strata.Linux;
using Strata.Trees;

namespace Strata.Drivers.Rootless;

/// <summary>Becoming a program inside of a root file system, with the host's devices and processes; for a process in a mount namespace of its own.</summary>
public static class ChangedRoot
{
    private const string DefaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
    private static readonly string[] FromHost = ["dev", "sys", "proc"];

    /// <summary>What a shell's exit code is for a program that can't be run, and for one that is not there.</summary>
    private const int NotExecutable = 126, NotFound = 127;

    /// <summary>Becomes it. Returns only if it can't: with what exit code to end, and why.</summary>
    /// <param name="root">The root file system. Where it has the directories, the host's /dev, /sys and /proc are shown there.</param>
    /// <param name="command">The program and its arguments.</param>
    public static (int ExitCode, string Why) TryExecute(string root, IReadOnlyList<string> command)
    {
        string? program;
        using (var tree = RootDirectory.Open(root))
        {
            program = Find(tree, command[0]);
            if (program is null)
                return (NotFound, command[0].Contains('/', StringComparison.Ordinal) ? "there is no such file in it" : $"none of {DefaultPath} has it there");
            foreach (string name in FromHost)
                Show(tree, name);
        }
        foreach (string variable in (string[])[RootlessNamespace.Variable, "OLDPWD"])
            Environment.SetEnvironmentVariable(variable, null);
        Environment.SetEnvironmentVariable("PATH", DefaultPath);
        Environment.SetEnvironmentVariable("HOME", "/root");
        var errno = ExecCalls.TryChangeRoot(root);
        return Told(errno == Errno.None ? ExecCalls.TryExecute(program, command) : errno);
    }

    /// <summary>Looks a program up inside of the tree, before that is all that is seen.</summary>
    private static string? Find(RootDirectory tree, string program) =>
        (program.Contains('/', StringComparison.Ordinal) ? [program] : DefaultPath.Split(':').Select(directory => $"{directory}/{program}"))
        .FirstOrDefault(path => path.Trim('/').Length > 0 && tree.TryOpen(EntryPath.Of(path), OpenFlags.Path, out var found) == Errno.None && Close(found!));

    private static bool Close(FileDescriptor file)
    {
        file.Dispose();
        return true;
    }

    private static (int ExitCode, string Why) Told(Errno errno) => (errno is Errno.ENOENT or Errno.ENOTDIR ? NotFound : NotExecutable, new LinuxException(errno, "execve").Message);

    /// <summary>Only on a directory of the tree itself: a link in it leads out of it.</summary>
    private static void Show(RootDirectory tree, string name)
    {
        if (tree.TryOpen(EntryPath.Of(name), OpenFlags.Path | OpenFlags.NoFollow | OpenFlags.Directory, out var place) != Errno.None)
            return;
        using (place)
        {
            var errno = MountCalls.TryMount("/" + name, place!.ProcPath, null, MountCalls.Bind | MountCalls.Recursive, null);
            if (errno != Errno.None)
                throw new LinuxException(errno, "mount", "/" + name);
        }
    }
}
