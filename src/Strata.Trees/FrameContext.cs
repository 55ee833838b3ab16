using Strata.Linux;

namespace Strata.Trees;

/// <summary>What all frames of one walk share.</summary>
/// <param name="Options">How is compared.</param>
/// <param name="Reader">Reads objects as entries.</param>
/// <param name="Names">Lists of names, used again.</param>
internal sealed record FrameContext(TreeCompareOptions Options, EntryReader Reader, NameListPool Names)
{
    /// <summary>A status of the new tree with the owners that are compared.</summary>
    internal FileStatus OfNew(in FileStatus status) => Options.NewOwners is { } owners ? owners.ToContainer(status) : status;

    /// <summary>A status of the old tree, in the same way.</summary>
    internal FileStatus OfOld(in FileStatus status) => Options.OldOwners is { } owners ? owners.ToContainer(status) : status;
}
