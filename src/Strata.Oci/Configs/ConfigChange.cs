namespace Strata.Oci;

/// <summary>One change of an image's config.</summary>
/// <param name="Instruction">What is set.</param>
/// <param name="Text">To what, as it would stand in a Dockerfile.</param>
/// <param name="IsLiteral">True: quotes, backslashes and dollars in the text are just characters, and spaces end nothing.</param>
public sealed record ConfigChange(ConfigInstruction Instruction, string Text, bool IsLiteral = false)
{
    /// <summary>Reads a line as Docker's <c>commit --change</c> takes it: <c>ENV A=b</c>, <c>CMD ["sh"]</c>, <c>LABEL a=b c="d e"</c>.</summary>
    /// <exception cref="StrataException">InvalidArgument: it is no such line.</exception>
    public static ConfigChange Parse(string line)
    {
        string trimmed = line.Trim();
        int space = trimmed.AsSpan().IndexOfAny(' ', '\t');
        string word = space < 0 ? trimmed : trimmed[..space];
        string text = space < 0 ? "" : trimmed[space..].Trim();
        var instruction = word.ToUpperInvariant() switch
        {
            "ENV" => ConfigInstruction.Env,
            "CMD" => ConfigInstruction.Cmd,
            "ENTRYPOINT" => ConfigInstruction.Entrypoint,
            "USER" => ConfigInstruction.User,
            "WORKDIR" => ConfigInstruction.Workdir,
            "LABEL" => ConfigInstruction.Label,
            "EXPOSE" => ConfigInstruction.Expose,
            "VOLUME" => ConfigInstruction.Volume,
            "STOPSIGNAL" => ConfigInstruction.StopSignal,
            "ONBUILD" => ConfigInstruction.OnBuild,
            _ => throw StrataException.InvalidArgument($"'{word}' can't change a config; ENV, CMD, ENTRYPOINT, USER, WORKDIR, LABEL, EXPOSE, VOLUME, STOPSIGNAL and ONBUILD can."),
        };
        if (text.Length == 0 && instruction is not (ConfigInstruction.Cmd or ConfigInstruction.Entrypoint))
            throw StrataException.InvalidArgument($"'{line}' does not say to what {word} is set.");
        if (text.Contains('\0', StringComparison.Ordinal))
            throw StrataException.InvalidArgument($"'{word}' is set to something with a NUL in it.");
        return new ConfigChange(instruction, text);
    }
}
