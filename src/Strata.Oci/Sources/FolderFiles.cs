namespace Strata.Oci;

/// <summary>The files of a folder. Names come from documents that may lie: they must stay inside, and symbolic links are not followed.</summary>
internal sealed class FolderFiles(string folder) : IImageFiles
{
    public string Shown => folder;

    public long? FindSize(string name)
    {
        var file = new FileInfo(PathOf(name));
        if (!file.Exists)
            return null;
        return file.LinkTarget is null
            ? file.Length
            : throw StrataException.InvalidArgument($"The file '{name}' of {folder} is a symbolic link; an image's files must be files.");
    }

    public Stream Open(string name)
    {
        _ = FindSize(name) ?? throw StrataException.NotFound($"{folder} has no file '{name}'.");
        return new FileStream(PathOf(name), new FileStreamOptions { Mode = FileMode.Open, Access = FileAccess.Read, Share = FileShare.Read, BufferSize = 0, Options = FileOptions.SequentialScan });
    }

    public void Dispose()
    {
    }

    private string PathOf(string name)
    {
        if (name.Contains('\0', StringComparison.Ordinal) || name.StartsWith('/') || name.Split('/').Contains(".."))
            throw StrataException.InvalidArgument($"The image {folder} names a file '{name}', which is not inside it.");
        return Path.Combine(folder, name);
    }
}
