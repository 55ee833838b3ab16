using System.CommandLine;

namespace Strata.Cli.Verbs;

internal static class CompletionVerb
{
    // Each asks the program itself for what fits ([suggest:POSITION] is System.CommandLine's own directive).
    private const string Bash = """
        _strata() {
            local IFS=$'\n'
            COMPREPLY=( $(compgen -W "$(strata "[suggest:${COMP_POINT}]" "${COMP_LINE}" 2>/dev/null)" -- "${COMP_WORDS[COMP_CWORD]}") )
        }
        complete -o default -F _strata strata
        """;

    private const string Zsh = """
        #compdef strata
        _strata() {
            local completions=("${(@f)$(strata "[suggest:${#BUFFER}]" "$BUFFER" 2>/dev/null)}")
            compadd -a completions
            _files
        }
        compdef _strata strata
        """;

    private const string Fish = """
        complete -c strata -a '(strata "[suggest:"(commandline -C)"]" (commandline -cp) 2>/dev/null)'
        """;

    internal static Command Make()
    {
        var shell = new Argument<string>("SHELL") { Description = "bash, zsh or fish." };
        shell.AcceptOnlyFromAmong("bash", "zsh", "fish");
        var command = new Command("completion", "Print a script that completes this program's words: source <(strata completion bash)") { shell };
        command.SetAction(parse =>
        {
            Console.Out.WriteLine(parse.GetRequiredValue(shell) switch { "bash" => Bash, "zsh" => Zsh, _ => Fish });
            return ExitCodes.Ok;
        });
        return command;
    }
}
