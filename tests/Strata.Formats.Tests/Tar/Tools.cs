using System.Diagnostics;

namespace Strata.Formats.Tests.Tar;

/// <summary>Runs the programs that also read and write tars, in a directory that is gone afterwards.</summary>
internal sealed class Tools : IDisposable
{
    internal string Directory { get; } = System.IO.Directory.CreateTempSubdirectory("strata-tar-").FullName;

    internal static void SkipWithout(string tool) =>
        Assert.SkipUnless(
            (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':').Any(directory => File.Exists(Path.Combine(directory, tool))),
            $"{tool} is not on PATH.");

    internal string PathOf(string name) => Path.Combine(Directory, name);

    /// <summary>Runs it in the directory; returns what it wrote. Anything but exit code 0 fails the test.</summary>
    internal byte[] Run(string tool, params string[] arguments)
    {
        var start = new ProcessStartInfo(tool, arguments)
        {
            WorkingDirectory = Directory,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            Environment = { ["LC_ALL"] = "C.UTF-8", ["TZ"] = "UTC", ["PYENV_VERSION"] = null },
        };
        using var process = Process.Start(start)!;
        var errors = process.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
        var output = new MemoryStream();
        process.StandardOutput.BaseStream.CopyTo(output);
        process.WaitForExit();
        Assert.True(process.ExitCode == 0, $"{tool} {string.Join(' ', arguments)}: exit code {process.ExitCode}\n{errors.GetAwaiter().GetResult()}");
        return output.ToArray();
    }

    internal string[] Lines(string tool, params string[] arguments) =>
        System.Text.Encoding.Latin1.GetString(Run(tool, arguments)).Split('\n', StringSplitOptions.RemoveEmptyEntries);

    public void Dispose() => System.IO.Directory.Delete(Directory, recursive: true);
}
