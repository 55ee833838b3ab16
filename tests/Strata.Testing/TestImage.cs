using System.IO.Compression;
using System.Security.Cryptography;
using System.Text;

namespace Strata.Testing;

/// <summary>A small image of given layers, as an OCI layout or docker-archive. Independent of the code under test.</summary>
public sealed class TestImage
{
    private readonly List<(byte[] Tar, byte[] Blob, string Type)> _layers = [];

    /// <summary>Its architecture.</summary>
    public string Architecture { get; init; } = System.Runtime.InteropServices.RuntimeInformation.OSArchitecture == System.Runtime.InteropServices.Architecture.Arm64 ? "arm64" : "amd64";

    /// <summary>Changes the config before its digest is taken.</summary>
    public Func<string, string> EditConfig { get; set; } = text => text;

    /// <summary>Changes the manifest before its digest is taken.</summary>
    public Func<string, string> EditManifest { get; set; } = text => text;

    /// <summary>The config.</summary>
    public byte[] Config => Encoding.UTF8.GetBytes(EditConfig(
        $$"""{"architecture":"{{Architecture}}","os":"linux","config":{"Env":["PATH=/bin"],"Cmd":["sh"]},"rootfs":{"type":"layers","diff_ids":[{{string.Join(',', _layers.Select(l => $"\"sha256:{HexOf(l.Tar)}\""))}}]},"history":[{"created":"2020-01-01T00:00:00Z","created_by":"test"}]}"""));

    /// <summary>The manifest.</summary>
    public byte[] Manifest => Encoding.UTF8.GetBytes(EditManifest(
        $$"""{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{{Descriptor("application/vnd.oci.image.config.v1+json", Config)}},"layers":[{{string.Join(',', _layers.Select(l => Descriptor(l.Type, l.Blob)))}}]}"""));

    /// <summary>The layers' tars.</summary>
    public IReadOnlyList<byte[]> Tars => [.. _layers.Select(l => l.Tar)];

    /// <summary>The layers' blobs.</summary>
    public IReadOnlyList<byte[]> Blobs => [.. _layers.Select(l => l.Blob)];

    /// <summary>The config's digest.</summary>
    public string Id => "sha256:" + HexOf(Config);

    /// <summary>Adds a layer.</summary>
    /// <param name="tar">Its tar.</param>
    /// <param name="compression">none, gzip, zstd, xz or bzip2; the last three need the program.</param>
    public TestImage Layer(TarBuilder tar, string compression = "none")
    {
        byte[] bytes = tar.ToArray();
        _layers.Add((bytes, Compress(bytes, compression), "application/vnd.oci.image.layer.v1.tar" + compression switch { "none" => "", "gzip" or "zstd" => "+" + compression, _ => "+gzip" }));
        return this;
    }

    /// <summary>The image as an OCI layout.</summary>
    /// <param name="annotations">The annotations of its entry in index.json, as JSON members; or null.</param>
    public ImageFiles ToLayout(string? annotations = "\"org.opencontainers.image.ref.name\":\"localhost/test:1\"")
    {
        var files = new ImageFiles();
        files["oci-layout"] = """{"imageLayoutVersion":"1.0.0"}"""u8.ToArray();
        files["index.json"] = Index(Entry(annotations));
        AddTo(files);
        return files;
    }

    /// <summary>Its entry in an index.</summary>
    public string Entry(string? annotations = null, bool platform = false) =>
        Descriptor("application/vnd.oci.image.manifest.v1+json", Manifest)[..^1]
        + (platform ? $$""","platform":{"os":"linux","architecture":"{{Architecture}}"}""" : "")
        + (annotations is null ? "}" : ",\"annotations\":{" + annotations + "}}");

    /// <summary>An index of entries.</summary>
    public static byte[] Index(params string[] entries) =>
        Encoding.UTF8.GetBytes($$"""{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[{{string.Join(',', entries)}}]}""");

    /// <summary>Adds config, manifest and layers to the blobs of a layout.</summary>
    public void AddTo(ImageFiles files)
    {
        files.AddBlob(Config);
        files.AddBlob(Manifest);
        foreach (var (_, blob, _) in _layers)
            files.AddBlob(blob);
    }

    /// <summary>The image as old versions of <c>docker save</c> wrote it.</summary>
    public ImageFiles ToDockerArchive(params string[] tags)
    {
        var files = new ImageFiles();
        string[] names = [.. _layers.Select((l, i) => $"{HexOf(Encoding.UTF8.GetBytes($"{i}"))}/layer.tar")];
        for (int i = 0; i < names.Length; i++)
            files[names[i]] = _layers[i].Blob;
        string config = HexOf(Config) + ".json";
        files[config] = Config;
        files["manifest.json"] = Encoding.UTF8.GetBytes(
            $$"""[{"Config":"{{config}}","RepoTags":{{(tags.Length == 0 ? "null" : $"[{string.Join(',', tags.Select(t => $"\"{t}\""))}]")}},"Layers":[{{string.Join(',', names.Select(n => $"\"{n}\""))}}]}]""");
        return files;
    }

    /// <summary>A descriptor of bytes.</summary>
    public static string Descriptor(string mediaType, byte[] bytes) => $$"""{"mediaType":"{{mediaType}}","digest":"sha256:{{HexOf(bytes)}}","size":{{bytes.Length}}}""";

    /// <summary>The SHA-256 of bytes.</summary>
    public static string HexOf(byte[] bytes) => Convert.ToHexStringLower(SHA256.HashData(bytes));

    /// <summary>Compresses; by the machine's programs but for gzip.</summary>
    public static byte[] Compress(byte[] bytes, string how)
    {
        if (how == "none")
            return bytes;
        using var compressed = new MemoryStream();
        if (how == "gzip")
        {
            using (var gzip = new GZipStream(compressed, CompressionLevel.Fastest, leaveOpen: true))
                gzip.Write(bytes);
            return compressed.ToArray();
        }
        string file = Path.GetTempFileName();
        try
        {
            File.WriteAllBytes(file, bytes);
            var info = new System.Diagnostics.ProcessStartInfo(how, ["-c", file]) { RedirectStandardOutput = true };
            using var process = System.Diagnostics.Process.Start(info)!;
            process.StandardOutput.BaseStream.CopyTo(compressed);
            process.WaitForExit();
            return process.ExitCode == 0 ? compressed.ToArray() : throw new InvalidOperationException($"{how} failed");
        }
        finally
        {
            File.Delete(file);
        }
    }
}
