namespace Strata.Trees.Tests;

/// <summary>Access lists as the kernel stores them (linux/posix_acl_xattr.h).</summary>
internal static class AccessList
{
    /// <summary>user::rwx, user:77:rwx, group::r-x, mask::rwx, other::r-x, for new children.</summary>
    internal static readonly Xattr Default = new(
        "system.posix_acl_default"u8.ToArray(),
        Convert.FromHexString("02000000" + "01000700FFFFFFFF" + "020007004D000000" + "04000500FFFFFFFF" + "10000700FFFFFFFF" + "20000500FFFFFFFF"));

    /// <summary>A dump's line: path, type, mode and the names of attributes.</summary>
    internal static string Shorten(string line) =>
        string.Join(' ', line.Split(' ').Where((field, i) => i < 3 || field.Contains('=', StringComparison.Ordinal)).Select(f => f.Split('=')[0]));
}
