using System.Text.Json;
using System.Text.Json.Nodes;

namespace Strata.Oci;

/// <summary>Changes an image's config in place. What is not changed stays as it came, members that are not known among it.</summary>
internal sealed class ConfigEditor
{
    private readonly JsonObject _config;
    private bool _commandSet;

    /// <summary>Makes an editor.</summary>
    /// <param name="image">The config's document.</param>
    internal ConfigEditor(JsonObject image)
    {
        if (image["config"] is not JsonObject config)
        {
            config = [];
            image["config"] = config;
        }
        _config = config;
    }

    /// <summary>Makes changes, one after the other.</summary>
    /// <exception cref="StrataException">InvalidArgument: one of them makes no sense.</exception>
    internal void Apply(IEnumerable<ConfigChange> changes)
    {
        foreach (var change in changes)
            Apply(change);
    }

    private void Apply(ConfigChange change)
    {
        string text = change.Text;
        switch (change.Instruction)
        {
            case ConfigInstruction.Env:
                foreach (var (name, value) in Pairs(change, "a variable"))
                    SetVariable(name, value);
                break;
            case ConfigInstruction.Label:
                foreach (var (name, value) in Pairs(change, "a label"))
                    Members("Labels")[name] = value;
                break;
            case ConfigInstruction.Cmd:
                SetCommand("Cmd", text);
                _commandSet = true;
                break;
            case ConfigInstruction.Entrypoint:
                SetCommand("Entrypoint", text);
                // As Docker: the arguments that were there are not the new program's.
                if (!_commandSet)
                    _config.Remove("Cmd");
                break;
            case ConfigInstruction.User:
                _config["User"] = One(change);
                break;
            case ConfigInstruction.Workdir:
                _config["WorkingDir"] = Absolute(One(change));
                break;
            case ConfigInstruction.StopSignal:
                _config["StopSignal"] = Signal(One(change));
                break;
            case ConfigInstruction.OnBuild:
                if (_config["OnBuild"] is not JsonArray later)
                    _config["OnBuild"] = later = [];
                later.Add((JsonNode)JsonValue.Create(text));
                break;
            case ConfigInstruction.Volume:
                foreach (string path in TryExec(text) ?? Words(change))
                    Members("Volumes")[path.Length > 0 ? path : throw Wrong(change, "a volume has a path")] = new JsonObject();
                break;
            case ConfigInstruction.Expose:
                foreach (string port in Words(change).SelectMany(word => Ports.Parse(word)))
                    Members("ExposedPorts")[port] = new JsonObject();
                break;
            default:
                throw new ArgumentOutOfRangeException(nameof(change));
        }
    }

    private void SetCommand(string name, string text)
    {
        string[] command = TryExec(text) ?? (text.Length == 0 ? [] : [.. ShellOf(), text]);
        if (command.Length == 0)
            _config.Remove(name);
        else
            _config[name] = JsonNodes.Array(command);
    }

    private string[] ShellOf() => Strings("Shell") is { Length: > 0 } shell ? shell : ["/bin/sh", "-c"];

    private void SetVariable(string name, string value)
    {
        if (_config["Env"] is not JsonArray environment)
            _config["Env"] = environment = [];
        string text = $"{name}={value}";
        for (int i = 0; i < environment.Count; i++)
        {
            if (environment[i] is JsonValue known && known.GetValueKind() == JsonValueKind.String && NameOf(known.GetValue<string>()) == name)
            {
                environment[i] = text;
                return;
            }
        }
        environment.Add((JsonNode)JsonValue.Create(text));
    }

    private string? Variable(string name) =>
        Strings("Env").LastOrDefault(e => NameOf(e) == name) is { } found && found.Length > name.Length ? found[(name.Length + 1)..] : null;

    private static string NameOf(string variable) => variable.IndexOf('=', StringComparison.Ordinal) is >= 0 and var equals ? variable[..equals] : variable;

    /// <summary><c>A=b C="d e"</c>, or the old form <c>A b c</c>.</summary>
    private (string Name, string Value)[] Pairs(ConfigChange change, string what)
    {
        if (change.IsLiteral)
            return [Pair(change, change.Text, what)];
        var words = DockerfileWords.Split(change.Text);
        if (words.Count > 0 && !words[0].Contains('=', StringComparison.Ordinal))
        {
            string rest = change.Text.TrimStart()[words[0].Length..].TrimStart();
            if (rest.Length == 0)
                throw Wrong(change, $"{what} needs a value: NAME=VALUE");
            return [(Expand(words[0]), Expand(rest))];
        }
        // All are read before the first is set: a variable's new value is not that of the same line.
        return words.Select(word => Pair(change, word, what)).Select(p => (Expand(p.Name), Expand(p.Value))).ToArray();
    }

    private static (string Name, string Value) Pair(ConfigChange change, string word, string what)
    {
        int equals = word.IndexOf('=', StringComparison.Ordinal);
        return equals > 0 ? (word[..equals], word[(equals + 1)..]) : throw Wrong(change, $"{what} is told as NAME=VALUE, not as '{word}'");
    }

    private string One(ConfigChange change)
    {
        string value = change.IsLiteral ? change.Text : Expand(change.Text);
        return value.Length > 0 ? value : throw Wrong(change, "it is empty");
    }

    private string[] Words(ConfigChange change)
    {
        string[] words = change.IsLiteral ? [change.Text] : [.. DockerfileWords.Split(change.Text).Select(Expand)];
        return words.Length > 0 && words.All(w => w.Length > 0) ? words : throw Wrong(change, "it is empty");
    }

    private string Expand(string word) => DockerfileWords.Expand(word, Variable);

    /// <summary>A relative directory is one below the directory so far.</summary>
    private string Absolute(string path)
    {
        string joined = path.StartsWith('/') ? path : $"{(_config["WorkingDir"] is JsonValue old && old.GetValueKind() == JsonValueKind.String ? old.GetValue<string>() : "")}/{path}";
        var parts = new List<string>();
        foreach (string part in joined.Split('/'))
        {
            if (part == ".." && parts.Count > 0)
                parts.RemoveAt(parts.Count - 1);
            else if (part is not ("" or "." or ".."))
                parts.Add(part);
        }
        return "/" + string.Join('/', parts);
    }

    private static string Signal(string text) =>
        text.Length <= 16 && text.All(c => char.IsAsciiLetterOrDigit(c) || c is '+' or '-') && (!int.TryParse(text, out int number) || number is >= 1 and <= 64)
            ? text
            : throw StrataException.InvalidArgument($"'{text}' is no signal: expected a name such as SIGTERM, or a number from 1 to 64.");

    private JsonObject Members(string name)
    {
        if (_config[name] is not JsonObject members)
            _config[name] = members = [];
        return members;
    }

    private string[] Strings(string name) =>
        _config[name] is JsonArray array ? [.. array.OfType<JsonValue>().Where(v => v.GetValueKind() == JsonValueKind.String).Select(v => v.GetValue<string>())] : [];

    /// <summary>The exec form, a JSON array of strings; null: it is none, and so the shell's.</summary>
    private static string[]? TryExec(string text)
    {
        if (!text.StartsWith('['))
            return null;
        try
        {
            using var json = JsonDocument.Parse(text);
            return json.RootElement.EnumerateArray().All(e => e.ValueKind == JsonValueKind.String) ? [.. json.RootElement.EnumerateArray().Select(e => e.GetString()!)] : null;
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            return null; // as Docker: what is no JSON is a command that begins with a bracket
        }
    }

    private static StrataException Wrong(ConfigChange change, string why) =>
        StrataException.InvalidArgument($"The change '{change.Instruction.ToString().ToUpperInvariant()} {change.Text}' can't be made: {why}.");
}
