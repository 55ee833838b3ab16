using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Strata.Oci.Tests.Registries;

/// <summary>What the proxy does to one answer.</summary>
internal sealed record Fault
{
    /// <summary>Close the connection after so many bytes of the body.</summary>
    internal int? CutAfter { get; init; }

    /// <summary>Say no more after so many bytes of the body, and keep the connection.</summary>
    internal int? StallAfter { get; init; }

    /// <summary>Send the body in pieces of so many bytes, with a pause after each.</summary>
    internal (int Bytes, TimeSpan Pause)? Drip { get; init; }

    /// <summary>Change the byte at this place of the body.</summary>
    internal int? CorruptAt { get; init; }

    /// <summary>Don't ask the registry; answer this head and body.</summary>
    internal string? Answer { get; init; }

    /// <summary>Changes the head of the registry's answer.</summary>
    internal Func<string, string>? EditHead { get; init; }

    /// <summary>Changes the head of the request.</summary>
    internal Func<string, string>? EditRequest { get; init; }
}

/// <summary>A request as the proxy saw it.</summary>
/// <param name="Method">The method.</param>
/// <param name="Path">Path and query.</param>
/// <param name="Head">The whole head.</param>
internal sealed record Seen(string Method, string Path, string Head)
{
    /// <summary>The body of a small form.</summary>
    internal string Form { get; init; } = "";

    internal bool HasAuthorization => Head.Contains("\r\nAuthorization:", StringComparison.OrdinalIgnoreCase);

    internal string? Header(string name) => Head.Split("\r\n").FirstOrDefault(l => l.StartsWith(name + ":", StringComparison.OrdinalIgnoreCase))?[(name.Length + 1)..].Trim();
}

/// <summary>A proxy in front of a registry that misbehaves on demand: one request a connection, byte by byte in its hands.</summary>
internal sealed class FaultyProxy : IDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly int _upstream;
    private readonly Func<Seen, Fault?> _faults;
    private readonly CancellationTokenSource _ended = new();
    private readonly List<Seen> _seen = [];
    private readonly Task _accepting;

    /// <param name="upstream">The registry's port.</param>
    /// <param name="faults">What to do to the answer of a request; null: nothing. Called for one request after the other.</param>
    internal FaultyProxy(int upstream, Func<Seen, Fault?> faults)
    {
        _upstream = upstream;
        _faults = faults;
        _listener.Start();
        _accepting = AcceptAsync();
    }

    internal string Host => $"127.0.0.1:{((IPEndPoint)_listener.LocalEndpoint).Port}";

    internal Seen[] Requests
    {
        get
        {
            lock (_seen)
                return [.. _seen];
        }
    }

    public void Dispose()
    {
        _ended.Cancel();
        _listener.Stop();
        _accepting.Wait(TestContext.Current.CancellationToken);
    }

    private async Task AcceptAsync()
    {
        var all = new List<Task>();
        try
        {
            while (true)
            {
                var client = await _listener.AcceptTcpClientAsync(_ended.Token);
                all.Add(ServeAsync(client));
            }
        }
        catch (Exception e) when (e is OperationCanceledException or SocketException or InvalidOperationException) // the last: stopped between two calls
        {
            await Task.WhenAll(all);
        }
    }

    private async Task ServeAsync(TcpClient client)
    {
        try
        {
            using (client)
            using (var server = new TcpClient())
            {
                var down = client.GetStream();
                var (head, rest) = await ReadHeadAsync(down);
                if (head.Length == 0 || !head.Contains(" HTTP/1.1", StringComparison.Ordinal))
                    return; // TLS was tried, or nothing said
                string[] first = head.Split("\r\n")[0].Split(' ');
                var seen = new Seen(first[0], first[1], head);
                if (seen.Header("Content-Type")?.Contains("urlencoded", StringComparison.Ordinal) == true)
                {
                    byte[] form = new byte[int.Parse(seen.Header("Content-Length")!, CultureInfo.InvariantCulture)];
                    rest.CopyTo(form, 0);
                    await down.ReadExactlyAsync(form.AsMemory(rest.Length), _ended.Token);
                    seen = seen with { Form = Uri.UnescapeDataString(Encoding.ASCII.GetString(form)) };
                }
                Fault? fault;
                lock (_seen)
                {
                    _seen.Add(seen);
                    fault = _faults(seen);
                }
                if (fault?.Answer is { } answer)
                {
                    await down.WriteAsync(Encoding.Latin1.GetBytes(answer.ReplaceLineEndings("\r\n")), _ended.Token);
                    return;
                }
                await server.ConnectAsync(IPAddress.Loopback, _upstream, _ended.Token);
                var up = server.GetStream();
                string sent = fault?.EditRequest?.Invoke(head) ?? head;
                await up.WriteAsync(Encoding.Latin1.GetBytes(sent.Replace("\r\n\r\n", "\r\nConnection: close\r\n\r\n", StringComparison.Ordinal)), _ended.Token);
                await up.WriteAsync(rest, _ended.Token);
                using var answered = CancellationTokenSource.CreateLinkedTokenSource(_ended.Token);
                var body = PumpAsync(down, up, answered.Token);
                var (answerHead, answerRest) = await ReadHeadAsync(up);
                answerHead = answerHead.Replace("\r\n\r\n", "\r\nConnection: close\r\n\r\n", StringComparison.Ordinal);
                await down.WriteAsync(Encoding.Latin1.GetBytes(fault?.EditHead?.Invoke(answerHead) ?? answerHead), _ended.Token);
                await RelayAsync(answerRest, up, down, fault);
                await answered.CancelAsync();
                await body;
            }
        }
        catch (Exception e) when (e is IOException or SocketException or OperationCanceledException)
        {
            // One side went away: that is what these tests are about.
        }
    }

    private async Task RelayAsync(byte[] rest, NetworkStream up, NetworkStream down, Fault? fault)
    {
        long done = 0;
        byte[] buffer = new byte[64 * 1024];
        rest.CopyTo(buffer, 0);
        for (int count = rest.Length; count > 0 || done == 0; count = await up.ReadAsync(buffer, _ended.Token))
        {
            if (count == 0 && (count = await up.ReadAsync(buffer, _ended.Token)) == 0)
                return;
            if (fault?.CorruptAt is { } at && at >= done && at < done + count)
                buffer[at - done] ^= 0x55;
            int most = (int)Math.Min(count, (fault?.CutAfter ?? fault?.StallAfter ?? long.MaxValue) - done);
            for (int sent = 0; fault?.Drip is { } drip && sent < most; sent += drip.Bytes)
            {
                await down.WriteAsync(buffer.AsMemory(sent, Math.Min(drip.Bytes, most - sent)), _ended.Token);
                await Task.Delay(drip.Pause, _ended.Token);
            }
            if (fault?.Drip is null)
                await down.WriteAsync(buffer.AsMemory(0, most), _ended.Token);
            done += most;
            if (most == count)
                continue;
            if (fault?.StallAfter is not null)
                await Task.Delay(Timeout.Infinite, _ended.Token);
            return;
        }
    }

    private static async Task PumpAsync(NetworkStream from, NetworkStream to, CancellationToken cancellation)
    {
        try
        {
            await from.CopyToAsync(to, cancellation);
        }
        catch (Exception e) when (e is IOException or OperationCanceledException)
        {
            // The answer came, or somebody went away.
        }
    }

    private async Task<(string Head, byte[] After)> ReadHeadAsync(NetworkStream stream)
    {
        byte[] buffer = new byte[64 * 1024];
        int filled = 0;
        while (true)
        {
            int end = buffer.AsSpan(0, filled).IndexOf("\r\n\r\n"u8);
            if (end >= 0)
                return (Encoding.Latin1.GetString(buffer, 0, end + 4), buffer[(end + 4)..filled]);
            int read = await stream.ReadAsync(buffer.AsMemory(filled), _ended.Token);
            if (read == 0 || (filled == 0 && buffer[0] == 0x16))
                return ("", []);
            filled += read;
        }
    }

    /// <summary>An answer with a body.</summary>
    internal static string Answer(string status, string body = "", params string[] headers) => string.Create(CultureInfo.InvariantCulture,
        $"HTTP/1.1 {status}\r\nContent-Length: {Encoding.UTF8.GetByteCount(body)}\r\nConnection: close\r\n{string.Concat(headers.Select(h => h + "\r\n"))}\r\n{body}");
}
