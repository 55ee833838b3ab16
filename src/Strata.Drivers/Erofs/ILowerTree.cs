using Strata.Formats.Erofs;

namespace Strata.Drivers.Erofs;

/// <summary>The layers below one that is being applied, seen as one tree.</summary>
internal interface ILowerTree : IDisposable
{
    /// <summary>The attributes of a directory as they stand in an index (marks left out, escapes kept); null: there is no directory at the path.</summary>
    ErofsAttributes? FindDirectory(EntryPath path);

    /// <summary>An object that is no directory; null: there is none at the path.</summary>
    LowerObject? FindObject(EntryPath path);

    /// <summary>The names in the root directory.</summary>
    IReadOnlyList<byte[]> RootNames();
}

/// <summary>An object of the layers below that is no directory.</summary>
/// <param name="Kind">What it is.</param>
/// <param name="Attributes">Its attributes.</param>
/// <param name="LinkTarget">A symbolic link's target.</param>
/// <param name="DeviceMajor">A device's major number.</param>
/// <param name="DeviceMinor">A device's minor number.</param>
/// <param name="SizeBytes">A regular file's size.</param>
/// <param name="OpenContent">Opens a regular file's content, which must be disposed if it can be.</param>
internal sealed record LowerObject(
    EntryKind Kind, ErofsAttributes Attributes, byte[]? LinkTarget, uint DeviceMajor, uint DeviceMinor, long SizeBytes, Func<EntryContent> OpenContent);
