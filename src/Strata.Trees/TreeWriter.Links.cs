using Strata.Linux;

namespace Strata.Trees;

/// <content>Hard links.</content>
public sealed partial class TreeWriter
{
    private void WriteHardLink(LayerEntry entry, EntryPath actual, long index)
    {
        DrainAll();
        var target = entry.HardLinkTarget;
        if (target.IsRoot)
            throw Refused(entry, "which is the root");
        var targetParent = ParentBelow(target, index).Share();
        OpenDirectory? parent = null;
        try
        {
            var actualTarget = ActualPath(targetParent, target);
            var status = FindTarget(targetParent, entry, actualTarget);
            // The parent of the link may have been opened before the target's was made or replaced: look again.
            parent = ParentOf(entry.Path, index).Share();
            if (actualTarget.IsAtOrBelow(actual))
            {
                if (actualTarget != actual)
                    throw Refused(entry, "which lies below it");
                throw Refused(entry, "which is itself");
            }
            PrepareName(parent, actual, index);
            var errno = NameCalls.TryLink(targetParent.Number, target.Name, parent.Number, actual.Name);
            if (errno == Errno.EEXIST)
            {
                if (Status(parent, actual.Name) is { } old)
                {
                    if (old.Inode == status.Inode && old.Device == status.Device)
                        return; // linked already
                    _displacer.Clear(parent, actual.Name, old, index, ofThisLayer: !_maker.IsPlaceholder(old));
                }
                errno = NameCalls.TryLink(targetParent.Number, target.Name, parent.Number, actual.Name);
            }
            if (errno != Errno.None)
                throw new LinuxException(errno, "linkat", entry.ToString());
        }
        finally
        {
            parent?.Release();
            targetParent.Release();
        }
    }

    private FileStatus FindTarget(OpenDirectory directory, LayerEntry entry, EntryPath actual)
    {
        var status = Status(directory, actual.Name);
        if (status is { } placeholder && _maker.IsPlaceholder(placeholder))
            status = null;
        if (status is null && !HidesLower(actual) && _options.BringUp?.Invoke(actual) == true)
        {
            status = Status(directory, actual.Name);
            if (status is { } brought)
                _broughtUp.Add((actual, brought));
        }
        return status switch
        {
            null => throw Refused(entry, "which is neither in this layer nor below it"),
            { IsDirectory: true } => throw Refused(entry, "which is a directory"),
            { } found => found,
        };
    }

    private static StrataException Refused(LayerEntry entry, string why) =>
        StrataException.InvalidArgument($"The layer was refused: the hard link {entry.Path} names {entry.HardLinkTarget}, {why}.");
}
