using System.Formats.Tar;

namespace Strata.Api;

/// <summary>An image's folder as a tar, to be sent: its blobs as they are, and nothing else of what files can have.</summary>
internal static class FolderTar
{
    internal static void Write(string folder, Stream destination, IProgress<ProgressReport>? progress, CancellationToken cancellationToken)
    {
        string[] files = [.. Directory.EnumerateFiles(folder, "*", SearchOption.AllDirectories)];
        long total = files.Sum(file => new FileInfo(file).Length), done = 0;
        using var tar = new TarWriter(destination, TarEntryFormat.Pax, leaveOpen: true);
        foreach (string file in files.Order(StringComparer.Ordinal))
        {
            cancellationToken.ThrowIfCancellationRequested();
            using var data = OpenFile(file);
            tar.WriteEntry(new PaxTarEntry(TarEntryType.RegularFile, Path.GetRelativePath(folder, file)) { DataStream = data });
            progress?.Report(new ProgressReport("image", done += data.Length, total));
        }
    }

    private static FileStream OpenFile(string file)
    {
        try
        {
            return new FileStream(file, FileMode.Open, FileAccess.Read, FileShare.Read, bufferSize: 0);
        }
        catch (IOException e)
        {
            throw new SourceException(e);
        }
    }
}
