using System.Diagnostics;
using Strata.Testing;

namespace Strata.EndToEnd.Tests;

/// <summary>The package as its users get it: packed, restored by a project of its own, compiled, run.</summary>
public sealed class PackageTests
{
    private static readonly string Top = Path.GetFullPath(Path.Combine(AppContext.BaseDirectory, "../../../.."));

    [Fact]
    public void A_program_that_references_the_package_alone_compiles_and_runs()
    {
        using var scratch = new ScratchDirectory();
        string configuration = Path.GetFileName(Path.TrimEndingDirectorySeparator(AppContext.BaseDirectory)) == "release" ? "Release" : "Debug";
        Dotnet(Top, "pack", "src/Strata", "--no-build", "-p:BuildProjectReferences=false", "--nologo", "-v", "quiet", "-c", configuration, "-o", scratch["packages"]);
        string package = Assert.Single(Directory.GetFiles(scratch["packages"], "Strata.*.nupkg"));
        string version = Path.GetFileNameWithoutExtension(package)["Strata.".Length..];

        string project = scratch["app"];
        Directory.CreateDirectory(project);
        File.WriteAllText(Path.Combine(project, "App.csproj"), $"""
            <Project Sdk="Microsoft.NET.Sdk">
              <PropertyGroup>
                <OutputType>Exe</OutputType><TargetFramework>net10.0</TargetFramework><Nullable>enable</Nullable><ImplicitUsings>enable</ImplicitUsings>
                <RestoreAdditionalProjectSources>{scratch["packages"]}</RestoreAdditionalProjectSources><RestorePackagesPath>{scratch["cache"]}</RestorePackagesPath>
                <RestoreFallbackFolders>{Environment.GetEnvironmentVariable("NUGET_PACKAGES") ?? Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".nuget/packages")}</RestoreFallbackFolders>
              </PropertyGroup>
              <ItemGroup><PackageReference Include="Strata" Version="[{version}]" /></ItemGroup>
            </Project>
            """);
        File.Copy(Path.Combine(Top, "samples/MountImage/Program.cs"), Path.Combine(project, "Program.cs"));
        Dotnet(project, "build", "--nologo", "-v", "quiet", "-o", scratch["out"]);

        string image = scratch["image.tar"];
        new TestImage().Layer(new TarBuilder().Dir("etc").File("etc/hostname", "x")).ToLayout().WriteTar(image);
        string output = Dotnet(project, scratch["out/App.dll"], scratch["store"], image);
        Assert.Contains("A /hello", output, StringComparison.Ordinal);
        Assert.True(new FileInfo(Path.Combine(scratch["store"], "sample.tar")).Length > 0);
    }

    private static string Dotnet(string directory, params string[] arguments)
    {
        var start = new ProcessStartInfo("dotnet", arguments) { WorkingDirectory = directory, RedirectStandardOutput = true, RedirectStandardError = true };
        using var process = Process.Start(start)!;
        var error = process.StandardError.ReadToEndAsync();
        string output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        Assert.True(process.ExitCode == 0, $"dotnet {string.Join(' ', arguments)}: {process.ExitCode}\n{output}{error.GetAwaiter().GetResult()}");
        return output;
    }
}
