namespace Strata.Oci;

/// <summary>The files of a folder. Names come from documents that may lie: they must stay inside, and symbolic links are not followed.</summary>
internal sealed class FolderFiles(string folder) : IImageFiles
{
    private readonly string _root = Path.TrimEndingDirectorySeparator(Path.GetFullPath(folder));

    public string Shown => folder;

    public long? FindSize(string name)
    {
        var file = new FileInfo(PathOf(name));
        // Each directory on the way too: blobs/ may be a link to somewhere else.
        for (FileSystemInfo at = file; at.FullName.Length > _root.Length; at = new DirectoryInfo(Path.GetDirectoryName(at.FullName)!))
        {
            if (at.LinkTarget is not null)
                throw StrataException.InvalidArgument($"The file '{name}' of {folder} is or lies below a symbolic link; an image's files must be files in it.");
        }
        return file.Exists ? file.Length : null;
    }

    public Stream Open(string name)
    {
        long size = FindSize(name) ?? throw StrataException.NotFound($"{folder} has no file '{name}'.");
        if (size == 0)
            return Stream.Null; // a fifo or device has no size either, and opening one could wait for ever
        return new FileStream(PathOf(name), new FileStreamOptions { Mode = FileMode.Open, Access = FileAccess.Read, Share = FileShare.Read, BufferSize = 0, Options = FileOptions.SequentialScan });
    }

    public string? OriginOf(string name) => OriginPlace.InFile(folder, name);

    public void Dispose()
    {
    }

    private string PathOf(string name)
    {
        if (name.Contains('\0', StringComparison.Ordinal) || name.StartsWith('/') || name.Split('/').Contains(".."))
            throw StrataException.InvalidArgument($"The image {folder} names a file '{name}', which is not inside it.");
        return Path.GetFullPath(Path.Combine(_root, name));
    }
}
