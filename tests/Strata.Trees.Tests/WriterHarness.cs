using System.Text;
using Strata.Testing;

namespace Strata.Trees.Tests;

/// <summary>Writes entries into a scratch tree, beside a place that nothing may touch, and remembers what the observer was told.</summary>
internal sealed class WriterHarness : ITreeWriterObserver, IDisposable
{
    internal static readonly Xattr Opaque = new("trusted.overlay.opaque"u8.ToArray(), "y"u8.ToArray());

    private readonly Lock _lock = new();

    internal WriterHarness(bool populated = false)
    {
        Tree = Scratch.Make("tree");
        Outside = Scratch.Make("outside");
        File.WriteAllText(Path.Combine(Outside, "victim"), "untouched");
        Populated = populated;
        OutsideBefore = TreeDump.Of(Outside);
    }

    internal ScratchDirectory Scratch { get; } = new();

    internal string Tree { get; set; }

    internal string Outside { get; }

    internal string OutsideBefore { get; }

    internal bool Populated { get; }

    internal bool Marks { get; init; }

    internal bool Observes { get; init; }

    internal int Writers { get; init; } = 2;

    internal int MostUnfinished { get; init; } = 16 * 1024;

    internal Ownership Ownership { get; init; }

    internal Func<EntryPath, LayerEntry?>? LowerDirectory { get; init; }

    internal Func<EntryPath, bool>? BringUp { get; init; }

    internal List<(EntryPath Path, int Number, long At)> Displacements { get; } = [];

    internal Dictionary<long, EntryPath> Redirected { get; } = [];

    internal string Displaced => Path.Combine(Scratch.Path, "displaced");

    /// <summary>Writes a layer; whiteouts and opaque marks as the writer takes them.</summary>
    internal void Write(params TestEntry[] entries)
    {
        using var root = RootDirectory.Open(Tree);
        using var writer = new TreeWriter(root, Options(), MostUnfinished);
        for (int i = 0; i < entries.Length; i++)
        {
            var entry = entries[i].Entry;
            if (entry.Kind == EntryKind.Whiteout)
                writer.WritePlaceholder(entry.Path, i);
            else if (entry.Kind == EntryKind.Opaque)
                writer.MarkOpaque(entry.Path, i);
            else
                writer.Write(entry, entries[i].Content, i);
        }
        writer.Complete();
        if (!Observes)
            return;
        // What a recipe relies on: every content is found again.
        for (int i = 0; i < entries.Length; i++)
        {
            if (entries[i].Entry.Kind == EntryKind.RegularFile && entries[i].Data.Length > 0 && entries[i].Extents is null)
                Assert.Equal(Encoding.Latin1.GetString(entries[i].Data), Encoding.Latin1.GetString(Recall(entries[i].Entry, i)));
        }
    }

    internal TreeWriterOptions Options() => new()
    {
        Writers = Writers,
        RootStartsEmpty = !Populated,
        Ownership = Ownership,
        Observer = Observes ? this : null,
        DisplacedDirectory = Observes ? Displaced : null,
        OpaqueMark = Marks ? Opaque : null,
        LowerDirectory = LowerDirectory,
        BringUp = BringUp,
    };

    /// <summary>The tree without its root's line and without times, one object a line.</summary>
    internal string Dump(bool times = false) => string.Join('\n', TreeDump.Lines(Tree, times).Skip(1));

    internal void AssertConfined() => Assert.Equal(OutsideBefore, TreeDump.Of(Outside));

    private void Note(EntryPath path, int number, long atEntryIndex)
    {
        lock (_lock)
            Displacements.Add((path, number, atEntryIndex));
    }

    void ITreeWriterObserver.Displaced(EntryPath path, int number, long atEntryIndex) => Note(path, number, atEntryIndex);

    void ITreeWriterObserver.WrittenAt(long entryIndex, EntryPath actualPath) => Redirected.Add(entryIndex, actualPath);

    public void Dispose() => Scratch.Dispose();

    /// <summary>Finds the content of entry <paramref name="index"/> by the rule of the recipes.</summary>
    private byte[] Recall(LayerEntry entry, long index)
    {
        var path = Redirected.TryGetValue(index, out var actual) ? actual : entry.Path;
        var moved = Displacements.OrderBy(d => d.At).ThenBy(d => d.Number).Where(d => d.At > index && path.IsAtOrBelow(d.Path)).Take(1).ToArray();
        string file = moved.Length == 0
            ? Path.Combine(Tree, Encoding.UTF8.GetString(path.Bytes))
            : Path.Combine(Displaced, moved[0].Number.ToString(), Encoding.UTF8.GetString(path.Bytes[moved[0].Path.Bytes.Length..].TrimStart((byte)'/')));
        return File.ReadAllBytes(file.TrimEnd('/'));
    }
}
