namespace Strata.Trees;

/// <summary>What all frames of one walk share.</summary>
/// <param name="Options">How is compared.</param>
/// <param name="Reader">Reads objects as entries.</param>
/// <param name="Names">Lists of names, used again.</param>
internal sealed record FrameContext(TreeCompareOptions Options, EntryReader Reader, NameListPool Names);
