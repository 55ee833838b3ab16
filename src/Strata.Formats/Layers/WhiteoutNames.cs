namespace Strata.Formats.Layers;

/// <summary>OCI's names for removals (image-spec, layer.md, "Whiteouts"): the one place that knows them.</summary>
public static class WhiteoutNames
{
    /// <summary>What a whiteout's name begins with.</summary>
    public static ReadOnlySpan<byte> Prefix => ".wh."u8;

    /// <summary>What the names of aufs's own files begin with.</summary>
    public static ReadOnlySpan<byte> MetaPrefix => ".wh..wh."u8;

    /// <summary>The name of the mark of an opaque directory.</summary>
    public static ReadOnlySpan<byte> OpaqueMark => ".wh..wh..opq"u8;

    /// <summary>What a name says.</summary>
    public static WhiteoutName Classify(ReadOnlySpan<byte> name)
    {
        if (!name.StartsWith(Prefix))
            return WhiteoutName.Ordinary;
        if (name.SequenceEqual(OpaqueMark))
            return WhiteoutName.Opaque;
        if (name.StartsWith(MetaPrefix))
            return WhiteoutName.AufsMetadata;
        var rest = name[Prefix.Length..];
        return rest.IsEmpty || rest.SequenceEqual("."u8) || rest.SequenceEqual(".."u8) ? WhiteoutName.Malformed : WhiteoutName.Whiteout;
    }

    /// <summary>
    /// The first component of a path that begins with <c>.wh.</c>; empty if there is none. Such names are OCI's: no file of a layer can have one.
    /// </summary>
    public static ReadOnlySpan<byte> FirstReserved(ReadOnlySpan<byte> path)
    {
        int at = path.StartsWith(Prefix) ? 0 : path.IndexOf("/.wh."u8) + 1;
        if (at == 0 && !path.StartsWith(Prefix))
            return default;
        var rest = path[at..];
        int slash = rest.IndexOf((byte)'/');
        return slash < 0 ? rest : rest[..slash];
    }

    /// <summary>The path of the mark that removes <paramref name="removed"/>, which is not the root.</summary>
    public static EntryPath WhiteoutOf(EntryPath removed) => removed.Parent.Child([.. Prefix, .. removed.Name]);

    /// <summary>The path of the mark that makes a directory opaque.</summary>
    public static EntryPath OpaqueMarkOf(EntryPath directory) => directory.Child(OpaqueMark);
}
