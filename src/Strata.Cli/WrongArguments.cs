using System.CommandLine;
using System.CommandLine.Invocation;
using System.CommandLine.Parsing;

namespace Strata.Cli;

/// <summary>What is said about arguments that make no sense: one line each and where to read more, not the whole help.</summary>
internal static class WrongArguments
{
    /// <summary>Complains on standard error; null: there is nothing to complain about.</summary>
    internal static int? Complain(ParseResult parse)
    {
        if (parse.Action is { } action and not ParseErrorAction && action.ClearsParseErrors)
            return null; // --help and the like
        string verb = "strata";
        for (SymbolResult? at = parse.CommandResult; at is CommandResult { Command: not RootCommand } command; at = at.Parent)
            verb = verb.Insert("strata".Length, " " + command.Command.Name); // 'strata lease create': the innermost comes first
        string[] wrong = parse.Errors.Count > 0 ? [.. parse.Errors.Select(e => e.Message).Distinct()] : UnknownOption(parse) is { } option ? [$"There is no option '{option}'."] : [];
        if (wrong.Length == 0)
            return null;
        foreach (string line in wrong)
            Console.Error.WriteLine($"strata: {line}");
        Console.Error.WriteLine($"strata: '{verb} --help' tells what there is.");
        return ExitCodes.Usage;
    }

    /// <summary>The parser takes an option that it does not know for an argument, where one is expected.</summary>
    private static string? UnknownOption(ParseResult parse)
    {
        if (parse.Tokens.Any(t => t.Type == TokenType.DoubleDash))
            return null;
        return parse.Tokens.FirstOrDefault(t => t.Type == TokenType.Argument && t.Value.Length > 1 && t.Value[0] == '-')?.Value;
    }
}
