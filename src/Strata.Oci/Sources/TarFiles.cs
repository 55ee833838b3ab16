using System.Text;
using Strata.Formats.Tar;
using Microsoft.Win32.SafeHandles;

namespace Strata.Oci;

/// <summary>The files inside a tar that lies in a file: found by one pass over the headers, then read where they are.</summary>
internal sealed class TarFiles : IImageFiles
{
    private const int MaxLinks = 8;
    private const int MaxFiles = 1_000_000;
    private readonly FileStream _file;
    private readonly string? _path;
    private const int HeadersBytes = 8 * 1024; // between two headers lies a blob, which is skipped
    private readonly Dictionary<string, (long Offset, long Size)> _files = new(StringComparer.Ordinal);
    private readonly Dictionary<string, string> _links = new(StringComparer.Ordinal);

    /// <summary>Reads the headers.</summary>
    /// <param name="file">The tar, not compressed; owned.</param>
    /// <param name="shown">What it is called in errors.</param>
    /// <param name="place">Where it will be found later; null: nowhere.</param>
    internal TarFiles(FileStream file, string shown, string? place)
    {
        _file = file;
        _path = place;
        Shown = shown;
        file.Position = 0;
        try
        {
            using var reader = new TarReader(file, new TarReaderOptions { LeaveOpen = true, BufferBytes = HeadersBytes });
            while (reader.ReadNext() is { } entry)
            {
                if (!EntryPath.TryCreate(entry.Name, out var path) || path.IsRoot)
                    continue; // never asked for: names of files come from documents and are clean
                string name = Encoding.UTF8.GetString(path.Bytes);
                if (_files.Count + _links.Count > MaxFiles)
                    throw StrataException.Exhausted($"{shown} has more than {MaxFiles} files; that is no image.");
                if (entry.Type == TarEntryType.RegularFile && entry.Extents is null)
                {
                    _links.Remove(name); // the last entry of a name counts
                    _files[name] = (reader.DataOffsetBytes, entry.SizeBytes);
                }
                else if (entry.Type is TarEntryType.Symlink or TarEntryType.HardLink)
                {
                    _files.Remove(name);
                    _links[name] = Target(name, Encoding.UTF8.GetString(entry.LinkName), entry.Type == TarEntryType.Symlink);
                }
            }
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    public string Shown { get; }

    public long? FindSize(string name) => Find(name)?.Size;

    public Stream Open(string name)
    {
        var (offset, size) = Find(name) ?? throw StrataException.NotFound($"{Shown} has no file '{name}'.");
        return new Stretch(_file.SafeFileHandle, offset, size, Shown);
    }

    public string? OriginOf(string name) => _path is null ? null : OriginPlace.InFile(_path, name);

    public void Dispose() => _file.Dispose();

    private (long Offset, long Size)? Find(string name)
    {
        for (int i = 0; i < MaxLinks; i++)
        {
            if (_files.TryGetValue(name, out var found))
                return found;
            if (!_links.TryGetValue(name, out string? target))
                return null;
            name = target; // old versions of docker save link a layer that occurs twice
        }
        return null;
    }

    private static string Target(string name, string link, bool relative)
    {
        string joined = relative && name.Contains('/', StringComparison.Ordinal) ? name[..(name.LastIndexOf('/') + 1)] + link : link;
        var parts = new List<string>();
        foreach (string part in joined.Split('/'))
        {
            if (part == ".." && parts.Count > 0)
                parts.RemoveAt(parts.Count - 1);
            else if (part is not ("" or "." or ".."))
                parts.Add(part);
        }
        return string.Join('/', parts);
    }

    private sealed class Stretch(SafeFileHandle file, long offset, long size, string shown) : ReadOnlyStream
    {
        private long _done;

        public override int Read(Span<byte> buffer)
        {
            int count = (int)Math.Min(buffer.Length, size - _done);
            if (count == 0)
                return 0;
            int read = RandomAccess.Read(file, buffer[..count], offset + _done);
            if (read == 0)
                throw StrataException.Corrupt($"{shown} ends in the middle of a file.");
            _done += read;
            return read;
        }
    }
}
