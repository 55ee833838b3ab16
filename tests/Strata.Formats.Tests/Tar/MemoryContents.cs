using Strata.Formats.Tar;

namespace Strata.Formats.Tests.Tar;

/// <summary>A layer's tree in memory: what stands where, and what was set aside.</summary>
internal sealed class MemoryContents : IRecipeContents
{
    internal Dictionary<string, byte[]> Files { get; } = [];

    internal Dictionary<(int Number, string Below), byte[]> Displaced { get; } = [];

    public Stream Open(EntryPath path) => Find(Files, path.ToString());

    public Stream OpenDisplaced(int number, EntryPath below) => Find(Displaced, (number, below.ToString()));

    public void Dispose()
    {
    }

    private static MemoryStream Find<T>(Dictionary<T, byte[]> files, T key)
        where T : notnull =>
        files.TryGetValue(key, out var bytes) ? new MemoryStream(bytes, writable: false) : throw StrataException.NotFound($"{key} is not there.");
}
