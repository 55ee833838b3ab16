using System.ComponentModel;
using System.Diagnostics;
using System.Text;
using System.Text.Json;

namespace Strata.Oci.Registries;

/// <summary>Programs that keep credentials: <c>docker-credential-NAME get|store|erase</c>, spoken to over standard input and output.</summary>
/// <param name="timeout">How long one may take.</param>
internal sealed class CredentialHelper(TimeSpan timeout)
{
    private const int MaxAnswerChars = 1 << 20;

    /// <summary>What the program knows of a registry; null: nothing.</summary>
    internal async Task<RegistryCredential?> GetAsync(string name, string host, CancellationToken cancellationToken)
    {
        var (code, output) = await RunAsync(name, "get", host, cancellationToken).ConfigureAwait(false);
        if (code != 0)
        {
            // The protocol's one expected failure is told by its text alone.
            return output.Contains("credentials not found", StringComparison.Ordinal)
                ? null
                : throw StrataException.Unavailable($"The credential helper docker-credential-{name} failed for {host} (exit code {code}). Try it by hand: echo {host} | docker-credential-{name} get");
        }
        try
        {
            using var json = JsonDocument.Parse(output);
            string user = Text(json, "Username"), secret = Text(json, "Secret");
            return user.Length == 0 && secret.Length == 0 ? null : user == "<token>" ? new RegistryCredential("", secret, IsIdentityToken: true) : new RegistryCredential(user, secret);
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            // Nothing of what it said: it may hold the secret.
            throw StrataException.Unavailable($"The credential helper docker-credential-{name} did not answer with what its protocol says.");
        }
    }

    internal async Task StoreAsync(string name, string host, RegistryCredential credential, CancellationToken cancellationToken)
    {
        var buffer = new MemoryStream();
        using (var json = new Utf8JsonWriter(buffer))
        {
            json.WriteStartObject();
            json.WriteString("ServerURL", host);
            json.WriteString("Username", credential.IsIdentityToken ? "<token>" : credential.User);
            json.WriteString("Secret", credential.Secret);
            json.WriteEndObject();
        }
        Require(name, "store", host, await RunAsync(name, "store", Encoding.UTF8.GetString(buffer.ToArray()), cancellationToken).ConfigureAwait(false));
    }

    internal async Task EraseAsync(string name, string host, CancellationToken cancellationToken) =>
        Require(name, "erase", host, await RunAsync(name, "erase", host, cancellationToken).ConfigureAwait(false));

    private static void Require(string name, string verb, string host, (int Code, string Output) result)
    {
        if (result.Code != 0)
            throw StrataException.Unavailable($"The credential helper docker-credential-{name} could not {verb} the credential of {host} (exit code {result.Code}).");
    }

    private static string Text(JsonDocument json, string name) => json.RootElement.TryGetProperty(name, out var value) ? value.GetString() ?? "" : "";

    private async Task<(int Code, string Output)> RunAsync(string name, string verb, string input, CancellationToken cancellationToken)
    {
        // The name comes from a file and becomes a program's: it must be one on the PATH, and no path.
        if (name.Length == 0 || !name.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_' or '.'))
            throw StrataException.InvalidArgument($"'{name}' can't be a credential helper: expected the NAME of a program docker-credential-NAME.");
        using var process = new Process
        {
            StartInfo = new ProcessStartInfo("docker-credential-" + name, [verb]) { RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true, UseShellExecute = false },
        };
        try
        {
            process.Start();
        }
        catch (Win32Exception e)
        {
            throw StrataException.FailedPrecondition($"The credential helper docker-credential-{name} can't be run: {e.Message} Install it, or take it out of the credential file.", e);
        }
        using var ending = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        ending.CancelAfter(timeout);
        try
        {
            // What it says on standard error is read so that it can't block, and shown to nobody.
            var ignored = process.StandardError.ReadToEndAsync(ending.Token);
            var output = ReadAsync(process.StandardOutput, ending.Token);
            try
            {
                await process.StandardInput.WriteAsync(input.AsMemory(), ending.Token).ConfigureAwait(false);
                process.StandardInput.Close();
            }
            catch (IOException)
            {
                // It ended without reading: its exit code says what that means.
            }
            string text = await output.ConfigureAwait(false);
            await ignored.ConfigureAwait(false);
            await process.WaitForExitAsync(ending.Token).ConfigureAwait(false);
            return (process.ExitCode, text);
        }
        catch (OperationCanceledException e) when (!cancellationToken.IsCancellationRequested)
        {
            throw StrataException.Unavailable($"The credential helper docker-credential-{name} did not answer in {timeout.TotalSeconds:0.#} s.", e);
        }
        finally
        {
            if (!process.HasExited)
                process.Kill(entireProcessTree: true);
        }
    }

    private static async Task<string> ReadAsync(StreamReader reader, CancellationToken cancellationToken)
    {
        var text = new StringBuilder();
        char[] buffer = new char[4096];
        for (int read = await reader.ReadAsync(buffer, cancellationToken).ConfigureAwait(false); read > 0; read = await reader.ReadAsync(buffer, cancellationToken).ConfigureAwait(false))
        {
            if (text.Length + read > MaxAnswerChars)
                throw StrataException.Unavailable("A credential helper answered more than a credential can have.");
            text.Append(buffer, 0, read);
        }
        return text.ToString();
    }
}
