using System.Text;

namespace Strata.Testing;

/// <summary>The files of an image, by their paths, before they become a folder or a tar: so that a test can damage them.</summary>
public sealed class ImageFiles
{
    private readonly List<(string Name, byte[] Bytes)> _files = [];

    /// <summary>A file's content.</summary>
    public byte[] this[string name]
    {
        get => _files.Single(f => f.Name == name).Bytes;
        set
        {
            int at = _files.FindIndex(f => f.Name == name);
            if (at < 0)
                _files.Add((name, value));
            else
                _files[at] = (name, value);
        }
    }

    /// <summary>The paths, in the order of the tar.</summary>
    public IReadOnlyList<string> Names => [.. _files.Select(f => f.Name)];

    /// <summary>Adds a blob under its digest and returns that.</summary>
    public string AddBlob(byte[] bytes)
    {
        string hex = TestImage.HexOf(bytes);
        this["blobs/sha256/" + hex] = bytes;
        return "sha256:" + hex;
    }

    /// <summary>Takes a file away.</summary>
    public void Remove(string name) => _files.RemoveAll(f => f.Name == name);

    /// <summary>Replaces text in a file.</summary>
    public ImageFiles Edit(string name, string old, string replacement)
    {
        string text = Encoding.UTF8.GetString(this[name]);
        if (!text.Contains(old, StringComparison.Ordinal))
            throw new ArgumentException($"{name} does not contain '{old}': {text}", nameof(old));
        this[name] = Encoding.UTF8.GetBytes(text.Replace(old, replacement, StringComparison.Ordinal));
        return this;
    }

    /// <summary>Writes a folder.</summary>
    public string WriteFolder(string path)
    {
        foreach (var (name, bytes) in _files)
        {
            string file = Path.Combine(path, name);
            Directory.CreateDirectory(Path.GetDirectoryName(file)!);
            File.WriteAllBytes(file, bytes);
        }
        return path;
    }

    /// <summary>The tar.</summary>
    public byte[] ToTar()
    {
        var tar = new TarBuilder();
        foreach (var (name, bytes) in _files)
            tar.Raw(Encoding.UTF8.GetBytes(name), '0', content: bytes);
        return tar.ToArray();
    }

    /// <summary>Writes the tar to a file and returns its path.</summary>
    public string WriteTar(string path)
    {
        File.WriteAllBytes(path, ToTar());
        return path;
    }
}
