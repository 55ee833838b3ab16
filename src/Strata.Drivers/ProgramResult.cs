namespace Strata.Drivers;

/// <summary>How a program ended.</summary>
/// <param name="ExitCode">0: it succeeded.</param>
/// <param name="Output">What it wrote to its standard output.</param>
/// <param name="Error">What it complained of, without white space around it.</param>
internal readonly record struct ProgramResult(int ExitCode, string Output, string Error)
{
    /// <summary>True: it succeeded.</summary>
    internal bool Ok => ExitCode == 0;
}
