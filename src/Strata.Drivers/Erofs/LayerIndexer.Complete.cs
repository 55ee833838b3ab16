using Strata.Formats.Erofs;

namespace Strata.Drivers.Erofs;

/// <content>The end: directories get their attributes and are written.</content>
internal sealed partial class LayerIndexer
{
    /// <summary>The mode of a directory that no entry tells of.</summary>
    private const int ImpliedMode = 0x1ED; // 0755

    /// <summary>All entries came: writes the directories and completes the image, whose devices were told before.</summary>
    /// <remarks>The layers below are asked only if the layer left something open: directories that it implies, its root, or removals.</remarks>
    internal void Complete()
    {
        if (_hidesRoot)
            HideRoot();
        TakeBackObjects();
        DropIdleWhiteouts();
        TakeBackDirectories();
        new LayerTreeImage(_tree, _image).Write(Settle, _links);
    }

    /// <summary>What a directory is in the end: as listed, or as it looks below, or the default; and opaque or not.</summary>
    private ErofsAttributes Settle(int directory)
    {
        var (flags, attributes) = (_tree.Directory(directory).Flags, _tree.Directory(directory).Attributes);
        if ((flags & DirectoryMarks.Implied) != 0)
        {
            bool shown = (flags & DirectoryMarks.Replaces) == 0 && (directory == LayerTree.Root || !_tree.HidesLower(_tree.Directory(directory).Parent));
            var below = _below is not null && shown ? _below.Value.FindDirectory(_tree.PathOf(directory)) : null;
            attributes = below ?? new ErofsAttributes(ImpliedMode, 0, 0, default, []);
        }
        if ((flags & DirectoryMarks.Opaque) != 0)
            attributes = attributes with { Xattrs = [.. attributes.Xattrs, _marks.OpaqueMark] };
        return attributes;
    }
}
