using System.Diagnostics;
using System.Globalization;
using Strata.Linux;
using Strata.Trees;

namespace Strata.Drivers.Rootless;

/// <summary>A user namespace of the user's own, with a mount namespace, in which he is root: how programs that mount run without root.</summary>
/// <remarks>
/// A process of many threads can't enter a user namespace, and every .NET process has many. So the namespaces are made and mapped
/// (<see cref="UserNamespaceCalls"/>, newuidmap(1)), and this process becomes nsenter(1), which enters them and becomes the program.
/// </remarks>
public static class RootlessNamespace
{
    /// <summary>The environment variable that tells a program that it runs in one, and how: <see cref="ForOneCommand"/> or <see cref="ForSession"/>. <see cref="Off"/>: make none.</summary>
    public const string Variable = "STRATA_NAMESPACE";

    /// <summary>It was made for this command, and ends with it.</summary>
    public const string ForOneCommand = "command";

    /// <summary>It was made for the user, who is in it with other programs.</summary>
    public const string ForSession = "session";

    /// <summary>None is wanted.</summary>
    public const string Off = "off";

    private const string Arrival = "STRATA_NAMESPACE_ARRIVAL";

    /// <summary>How this process's namespace was made; null: it is none of ours.</summary>
    public static string? Current => Environment.GetEnvironmentVariable(Variable) is { } kind && (kind is ForOneCommand or ForSession) ? kind : null;

    /// <summary>True if this process is no root and could have a namespace of its own.</summary>
    public static bool IsWanted => !ProcessCalls.CanMount && ProcessCalls.UserId != 0 && string.IsNullOrEmpty(Environment.GetEnvironmentVariable(Variable));

    /// <summary>True if it could have one, but the user wants none.</summary>
    public static bool IsSwitchedOff => !ProcessCalls.CanMount && ProcessCalls.UserId != 0 && !IsWanted && Current is null;

    /// <summary>
    /// For a program that <see cref="Enter"/> became, before anything else: goes back to the working directory, which nsenter leaves, and keeps the
    /// namespaces' descriptors from the programs that this one starts. True: this process has just arrived.
    /// </summary>
    public static bool Arrive()
    {
        if (Environment.GetEnvironmentVariable(Arrival) is not { } text)
            return false;
        Environment.SetEnvironmentVariable(Arrival, null);
        if (text.Split(':', 3) is not [var user, var mounts, var directory])
            return false;
        foreach (string number in (string[])[user, mounts])
        {
            if (int.TryParse(number, NumberStyles.None, CultureInfo.InvariantCulture, out int descriptor))
                _ = ExecCalls.TryPassOn(descriptor, false);
        }
        Environment.CurrentDirectory = directory;
        return true;
    }

    /// <summary>Becomes a program, by its path or a name on the PATH. Returns only if it can't: why.</summary>
    public static string Become(IReadOnlyList<string> command)
    {
        string? path = command[0].Contains('/', StringComparison.Ordinal) ? command[0] : FuseMounts.FindProgram(command[0]);
        return path is null ? "it is not on the PATH" : new LinuxException(ExecCalls.TryExecute(path, command), "execve").Message;
    }

    /// <summary>How many users have a number in this process's namespace.</summary>
    public static long CountIds() =>
        File.ReadLines("/proc/self/uid_map").Sum(line => long.Parse(line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[2], CultureInfo.InvariantCulture));

    /// <summary>Makes the namespaces and becomes a program in them. Returns only if it can't, by an error.</summary>
    /// <param name="ids">The IDs that it has.</param>
    /// <param name="kind"><see cref="ForOneCommand"/> or <see cref="ForSession"/>.</param>
    /// <param name="command">The program and its arguments; it begins with <see cref="Arrive"/>.</param>
    /// <exception cref="StrataException">NotSupported or PermissionDenied: what is missing or forbidden.</exception>
    public static void Enter(RootlessIds ids, string kind, IReadOnlyList<string> command)
    {
        string enter = FuseMounts.FindProgram("nsenter") ?? throw StrataException.NotSupported("Can't enter a user namespace: the program nsenter is missing (Debian: util-linux).");
        var errno = UserNamespaceCalls.TryMake(withMounts: true, process => Map(process, ids), out var user, out var mounts);
        if (errno != Errno.None)
        {
            throw StrataException.PermissionDenied(
                $"Can't make a user namespace ({errno}): this machine forbids it to users. Allow it (sysctl user.max_user_namespaces, kernel.unprivileged_userns_clone, kernel.apparmor_restrict_unprivileged_userns), or run as root.",
                new LinuxException(errno, "clone"));
        }
        using (user)
        using (mounts)
        {
            foreach (var file in (FileDescriptor[])[user!, mounts!])
            {
                errno = ExecCalls.TryPassOn(file.Number, true);
                if (errno != Errno.None)
                    throw new LinuxException(errno, "fcntl");
            }
            Environment.SetEnvironmentVariable(Variable, kind);
            Environment.SetEnvironmentVariable(Arrival, string.Create(CultureInfo.InvariantCulture, $"{user!.Number}:{mounts!.Number}:{Environment.CurrentDirectory}"));
            var failed = ExecCalls.TryExecute(enter, ["nsenter", "--preserve-credentials", $"--user={user.ProcPath}", $"--mount={mounts.ProcPath}", "--", .. command]);
            throw new LinuxException(failed, "execve", enter);
        }
    }

    private static void Map(int process, RootlessIds ids)
    {
        if (ids.HasMany)
        {
            Run("newuidmap", process, ids.Mapping.Users);
            Run("newgidmap", process, ids.Mapping.Groups);
            return;
        }
        // Who maps his own ID alone needs no help, and must give up setgroups(2) first (user_namespaces(7)).
        foreach (var (file, text) in ((string, string)[])[
            ("setgroups", "deny"), ("uid_map", UserNamespaces.LinesOf(ids.Mapping.Users)), ("gid_map", UserNamespaces.LinesOf(ids.Mapping.Groups))])
        {
            var errno = UserNamespaceCalls.TryWriteMap(process, file, text);
            if (errno != Errno.None)
                throw StrataException.PermissionDenied($"Can't map the own user into a user namespace ({errno}).", new LinuxException(errno, "write", file));
        }
    }

    private static void Run(string program, int process, IReadOnlyList<IdRange> ranges)
    {
        string path = FuseMounts.FindProgram(program) ?? throw StrataException.NotSupported($"The program {program} is missing (Debian: uidmap).");
        var arguments = new List<string> { process.ToString(CultureInfo.InvariantCulture) };
        foreach (var range in ranges)
        {
            foreach (long number in (long[])[range.Container, range.Host, range.Size])
                arguments.Add(number.ToString(CultureInfo.InvariantCulture));
        }
        using var run = Process.Start(new ProcessStartInfo(path, arguments) { RedirectStandardError = true })!;
        string error = run.StandardError.ReadToEnd();
        run.WaitForExit();
        if (run.ExitCode != 0)
            throw StrataException.PermissionDenied($"Can't map IDs into a user namespace: {program} says: {error.Trim().ReplaceLineEndings(" ")}. It must be setuid root, and the IDs in {SubordinateIds.UserFile} and {SubordinateIds.GroupFile}.");
    }
}
