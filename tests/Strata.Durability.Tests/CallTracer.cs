using System.Diagnostics;
using System.Globalization;
using System.Text.RegularExpressions;
using Strata.Testing;

namespace Strata.Durability.Tests;

/// <summary>A system call of a command that changes something: the how manyth of its name in its thread.</summary>
internal readonly record struct CallPoint(string Call, int Count, string Shown);

/// <summary>strace(1) at a process that is there already: tells which calls a command makes that change something, kills at one of them, or makes it fail.</summary>
internal sealed partial class CallTracer : IDisposable
{
    private const string Changing =
        "?open,openat,?creat,?mkdir,mkdirat,mknodat,?rename,renameat,renameat2,?unlink,unlinkat,?rmdir,?symlink,symlinkat,?link,linkat,"
        + "write,writev,pwrite64,pwritev,ftruncate,fallocate,copy_file_range,sendfile,fsync,fdatasync,syncfs,msync,"
        + "?chmod,fchmod,fchmodat,?chown,?lchown,fchown,fchownat,utimensat,setxattr,lsetxattr,fsetxattr,removexattr,lremovexattr,fremovexattr,"
        + "mount,umount2,fsopen,fsconfig,fsmount,open_tree,move_mount,ioctl";

    private readonly Process _process;

    /// <summary>Attaches; when it returns, what the process does next is traced.</summary>
    /// <param name="worker">The process, which waits for a command.</param>
    /// <param name="log">Where the calls are written, or null.</param>
    /// <param name="inject">strace's fault: <c>signal=SIGKILL</c>, <c>error=ENOSPC</c>; or null.</param>
    /// <param name="at">Where it is injected.</param>
    internal CallTracer(Worker worker, string? log, string? inject = null, CallPoint at = default)
    {
        string calls = inject is null ? Changing : at.Call;
        var start = new ProcessStartInfo("strace",
        [
            "-f", "-y", "-s", "0", "-p", worker.Id.ToString(CultureInfo.InvariantCulture), "-o", log ?? "/dev/null", "-e", "trace=" + calls, "-e", "signal=none",
            .. inject is null ? (string[])[] : ["-e", string.Create(CultureInfo.InvariantCulture, $"inject={at.Call}:{inject}:when={at.Count}")],
        ])
        { RedirectStandardError = true };
        _process = Process.Start(start)!;
        string? line;
        while ((line = _process.StandardError.ReadLine()) is not null && !line.Contains("attached", StringComparison.Ordinal))
        {
        }
        if (line is null)
            throw new InvalidOperationException("strace could not attach");
        _ = _process.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
    }

    /// <summary>Lets go of the process.</summary>
    public void Dispose()
    {
        if (!_process.HasExited)
            Commands.TryRun("kill", "-INT", _process.Id.ToString(CultureInfo.InvariantCulture)); // it lets go, and writes what it has
        _process.WaitForExit();
        _process.Dispose();
    }

    /// <summary>The calls that were written, of all threads, that change something below a directory or mount: each once for its count.</summary>
    internal static CallPoint[] ReadPoints(string log, string root)
    {
        var counts = new Dictionary<string, int>();
        var others = new HashSet<int>();
        var points = new Dictionary<(string, int), CallPoint>();
        foreach (string line in File.ReadLines(log))
        {
            var match = Entry().Match(line);
            if (!match.Success)
                continue;
            string call = match.Groups["call"].Value;
            int count = counts[match.Groups["thread"].Value + call] = counts.GetValueOrDefault(match.Groups["thread"].Value + call) + 1;
            if (call == "write" && !line.Contains(root, StringComparison.Ordinal))
                others.Add(count); // the runtime's own, between threads: it does not survive an error there
            bool mounts = call is "mount" or "umount2" or "fsopen" or "fsconfig" or "fsmount" or "open_tree" or "move_mount";
            if (!mounts && !line.Contains(root, StringComparison.Ordinal))
                continue;
            if (call is "open" or "openat" && !line.Contains("O_CREAT", StringComparison.Ordinal) && !line.Contains("O_TRUNC", StringComparison.Ordinal))
                continue;
            points.TryAdd((call, count), new CallPoint(call, count, line.Length > 300 ? line[..300] : line));
        }
        return [.. points.Values.Where(point => point.Call != "write" || !others.Contains(point.Count))];
    }

    [GeneratedRegex(@"^(?<thread>\d+) +(?<call>[a-z0-9_]+)\(")]
    private static partial Regex Entry();
}
