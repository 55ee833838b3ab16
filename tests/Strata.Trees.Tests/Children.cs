using System.Runtime.CompilerServices;
using Strata.Testing;

namespace Strata.Trees.Tests;

/// <summary>This test program as another process, which does one thing and ends before any test is looked for.</summary>
internal static class Children
{
    private const string Variable = "STRATA_TEST_CHILD";

    /// <summary>Runs one as root of a user namespace of its own.</summary>
    internal static (int ExitCode, string Output, string Error) InUserNamespace(string what, string argument)
    {
        string program = Environment.ProcessPath!;
        string[] run = Path.GetFileNameWithoutExtension(program) == "dotnet" ? [program, typeof(Children).Assembly.Location] : [program];
        return Commands.TryRun("unshare", ["--user", "--map-root-user", "--mount", "env", $"{Variable}={what}\n{argument}", .. run]);
    }

    [ModuleInitializer]
    internal static void Run()
    {
        if (Environment.GetEnvironmentVariable(Variable)?.Split('\n') is not [var what, var argument])
            return;
        try
        {
            switch (what)
            {
                case "erofs-support":
                    Console.WriteLine(ErofsProbe.Run(argument).WhyNot);
                    break;
                default:
                    throw new InvalidOperationException(what);
            }
        }
        catch (Exception e)
        {
            Console.Error.WriteLine(e);
            Environment.Exit(1);
        }
        Environment.Exit(0);
    }
}
