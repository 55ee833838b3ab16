using Grpc.Core;
using Microsoft.Win32.SafeHandles;
using Strata.Daemon.Containerd.Wire;

namespace Strata.Daemon.Containerd;

/// <summary>A blob of containerd's content store, read from the file that it is there: what comes through containerd instead takes half again as much processor time.</summary>
/// <remarks>
/// containerd is asked whether the namespace of the call may see the blob, and where its content store lies (the <c>root</c> that its plugin exports). A
/// store that is a proxy, or lies where this daemon can't see it, has no such file: then <see cref="ContentReadStream"/> serves. Whoever reads verifies
/// the digest.
/// </remarks>
internal sealed class ContentFile : ReadOnlyStream
{
    private static readonly PluginsRequest TheContentStore = new() { Filters = { "type==io.containerd.content.v1,id==content" } };
    private readonly SafeFileHandle _file;
    private readonly Action<long> _moved;
    private long _position;

    private ContentFile(SafeFileHandle file, Action<long> moved)
    {
        (_file, _moved) = (file, moved);
        Length = RandomAccess.GetLength(file);
    }

    public override long Length { get; }

    /// <summary>The blob; null: it can't be read as a file. For a thread that may block.</summary>
    /// <param name="client">containerd.</param>
    /// <param name="digest">The blob.</param>
    /// <param name="headers">The namespace it is in.</param>
    /// <param name="moved">Told how many bytes came.</param>
    /// <param name="cancellationToken">Ends the questions early.</param>
    internal static ContentFile? Find(ContainerdClient client, Digest digest, Metadata headers, Action<long> moved, CancellationToken cancellationToken)
    {
        ContentFile? file = null;
        try
        {
            long size = client.Content.Info(new InfoRequest { Digest = digest.ToString() }, headers, cancellationToken: cancellationToken).Info.Size;
            if (DirectoryIn(client.Introspection.Plugins(TheContentStore, headers, cancellationToken: cancellationToken), digest.Algorithm) is not { } directory)
                return null;
            file = Open(Path.Combine(directory, digest.Hex), moved);
            if (file.Length == size)
                return file;
        }
        catch (Exception e) when (e is RpcException or IOException or UnauthorizedAccessException)
        {
            // Asked for the bytes, containerd says itself what is wrong.
        }
        file?.Dispose();
        return null;
    }

    /// <summary>Where the blobs with digests of SHA-256 are files; null: nowhere, or containerd does not answer now.</summary>
    internal static async Task<string?> FindDirectoryAsync(ContainerdClient client, CancellationToken cancellationToken)
    {
        try
        {
            string? found = DirectoryIn(await client.Introspection.PluginsAsync(TheContentStore, cancellationToken: cancellationToken), "sha256");
            return Directory.Exists(found) ? found : null;
        }
        catch (RpcException)
        {
            cancellationToken.ThrowIfCancellationRequested();
            return null; // asked again
        }
    }

    /// <summary>Opens a blob's file.</summary>
    /// <exception cref="IOException">It is not there.</exception>
    /// <exception cref="UnauthorizedAccessException">It may not be read.</exception>
    internal static ContentFile Open(string path, Action<long> moved) =>
        new(File.OpenHandle(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete, FileOptions.SequentialScan), moved);

    /// <summary>Whether the file begins with some bytes. What is read next stays the same.</summary>
    internal bool Begins(ReadOnlySpan<byte> bytes)
    {
        Span<byte> beginning = stackalloc byte[bytes.Length];
        return RandomAccess.Read(_file, beginning, 0) == bytes.Length && beginning.SequenceEqual(bytes);
    }

    public override int Read(Span<byte> buffer)
    {
        int read = RandomAccess.Read(_file, buffer, _position);
        _position += read;
        _moved(read);
        return read;
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing)
            _file.Dispose();
        base.Dispose(disposing);
    }

    private static string? DirectoryIn(PluginsResponse response, string algorithm) =>
        response.Plugins.Count == 1 && response.Plugins[0].Exports.TryGetValue("root", out string? root) ? Path.Combine(root, "blobs", algorithm) : null;
}
