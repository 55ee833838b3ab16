namespace Strata.Drivers.Tests;

/// <summary>The rows of the table of features.</summary>
internal static class Feature
{
    internal const string FileSystems = "passes the suite on";
    internal const string Mounts = "a layer with a parent is seen through";
    internal const string Shares = "a new layer takes no room for what it shares";
    internal const string Exact = "keeps the layer's tar itself";
    internal const string Parallel = "an image's layers are applied at the same time";
    internal const string Xattrs = "extended attributes";
    internal const string LongestName = "longest name that can be made inside, in bytes";
    internal const string Devices = "device nodes";
    internal const string Whiteout = "a character device 0:0 as a device";
    internal const string RenameDirectory = "a directory of a lower layer can be renamed";
    internal const string ReadOnlyParent = "a layer that others lie on is read-only";
    internal const string Label = "mount label (SELinux)";
    internal const string SizeLimit = "size limit";
    internal const string InodeLimit = "inode limit";
    internal const string Replace = "a damaged layer is replaced in its place";
    internal const string Rebase = "a layer can be put on its parent afterwards";
}
