using System.Diagnostics;
using System.Text.Json;
using Strata.Testing;

namespace Strata.EndToEnd.Tests;

/// <summary>The built program with a store of its own.</summary>
internal sealed class Cli : IDisposable
{
    internal static string Program => StrataProgram.Path;

    internal Cli(string? driver = null)
    {
        Driver = driver;
        Root = Scratch["store"];
    }

    internal ScratchDirectory Scratch { get; } = new();

    internal string Root { get; set; }

    internal string? Driver { get; }

    internal Dictionary<string, string> Environment { get; } = [];

    /// <summary>Runs it; it must succeed. What it prints.</summary>
    internal string Run(params string[] arguments)
    {
        var (code, output, error) = Try(arguments);
        Assert.True(code == 0, $"strata {string.Join(' ', arguments)}: {code}\n{output}{error}");
        return output;
    }

    /// <summary>Runs it; it must fail so, with one line on standard error and nothing on standard output. The line.</summary>
    internal string Fail(int exitCode, params string[] arguments)
    {
        var (code, output, error) = Try(arguments);
        Assert.True(code == exitCode, $"strata {string.Join(' ', arguments)}: {code}\n{output}{error}");
        Assert.StartsWith("strata: ", error, StringComparison.Ordinal);
        Assert.DoesNotContain("   at ", error, StringComparison.Ordinal);
        Assert.Equal("", output);
        return error;
    }

    internal (int Code, string Output, string Error) Try(params string[] arguments)
    {
        using var process = Start(arguments);
        return Wait(process);
    }

    internal static (int Code, string Output, string Error) Wait(Process process)
    {
        var error = process.StandardError.ReadToEndAsync();
        var output = process.StandardOutput.ReadToEndAsync();
        Assert.True(process.WaitForExit(TimeSpan.FromSeconds(90)), "strata did not end");
        return (process.ExitCode, output.GetAwaiter().GetResult(), error.GetAwaiter().GetResult());
    }

    internal Process Start(params string[] arguments) =>
        StrataProgram.Start([.. arguments, "--root", Root, .. Driver is null ? (string[])[] : ["--driver", Driver]], Environment);

    /// <summary>Runs a line of a shell in which <c>strata</c> is the program with this store. Its output; it must succeed.</summary>
    internal string Shell(string line)
    {
        string driver = Driver is null ? "" : $" --driver {Driver}";
        return Commands.Run("bash", "-c", $"set -o pipefail; strata() {{ '{Program}' \"$@\" --root '{Root}'{driver}; }}; cd '{Scratch.Path}'; {line}");
    }

    internal JsonElement Json(params string[] arguments)
    {
        using var document = JsonDocument.Parse(Run([.. arguments, "--json"]));
        return document.RootElement.Clone();
    }

    internal static TestImage Image(int files = 3)
    {
        var tar = new TarBuilder().Dir("etc").Dir("data");
        for (int i = 0; i < files; i++)
            tar.File($"data/file{i}", $"content {i} {new string('x', i % 5000)}");
        return new TestImage()
            .Layer(tar.File("etc/a", "one").File("etc/b", "two"), "gzip")
            .Layer(new TarBuilder().Dir("etc").Whiteout("etc/b").File("etc/c", "three"), "gzip");
    }

    internal string Layout(TestImage image, string name = "localhost/test:1") => image.ToLayout($"\"io.containerd.image.name\":\"{name}\"").WriteTar(Scratch[$"{Guid.NewGuid():N}.tar"]);

    /// <summary>Nothing half made: what the driver holds is what the store names. How many layers that are.</summary>
    /// <param name="killed">
    /// Something was killed: a document that it was writing may lie in <c>tmp</c>, which is swept by age.
    /// </param>
    internal int AssertWhole(bool killed = false)
    {
        var named = Json("layers").EnumerateArray().Select(l => l.GetProperty("driverId").GetString()!).ToHashSet();
        var status = Json("status");
        int writable = status.GetProperty("writable").GetArrayLength();
        string driver = status.GetProperty("driver").GetString()!;
        string home = Path.Combine(Root, driver);
        string[] held = [.. Directory.EnumerateDirectories(driver == "vfs" ? Path.Combine(home, "dir") : home).Select(d => Path.GetFileName(d)!).Where(n => n.Length == 64)];
        Assert.Empty(named.Except(held));
        Assert.Equal(named.Count + writable, held.Length);
        if (killed)
            Assert.All(Directory.EnumerateFiles(Path.Combine(Root, "tmp")), file => Assert.InRange(new FileInfo(file).Length, 0, 64 * 1024));
        else
            Assert.Empty(Directory.EnumerateFileSystemEntries(Path.Combine(Root, "tmp")));
        foreach (string directory in new[] { Path.Combine(Root, "leases"), Path.Combine(home, ".trash"), Path.Combine(home, ".tmp") })
            Assert.Empty(Directory.Exists(directory) ? Directory.EnumerateFileSystemEntries(directory) : []);
        Assert.Equal(driver == "erofs" ? 0 : named.Count, Directory.GetFiles(Path.Combine(Root, "recipes")).Length); // a tar needs none
        return named.Count;
    }

    public void Dispose()
    {
        using var closing = new Closing();
        closing.Do(() => Assert.Empty(Mounts.AtOrBelow(Root, except: Root)));
        closing.Do(Scratch.Dispose);
    }
}
