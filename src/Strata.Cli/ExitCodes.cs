namespace Strata.Cli;

/// <summary>What the process ends with where no <see cref="ErrorKind"/> says it (<see cref="ExitCode"/>).</summary>
internal static class ExitCodes
{
    internal const int Ok = 0;
    internal const int Failed = 1;
    internal const int Usage = 2;
    internal const int Cancelled = 130;
}
