namespace Strata;

/// <summary>A mount as plain data: what mount(8) would be told. Nothing is mounted by making one.</summary>
/// <remarks>
/// This is the currency between drivers and whoever performs mounts: this process, containerd's runtime, a virtual machine. Types that
/// occur: <c>bind</c>, <c>overlay</c>, <c>erofs</c>, <c>aufs</c>, and <c>fuse3.NAME</c> for what the program NAME mounts. Options are as in /etc/fstab, each apart.
/// </remarks>
/// <param name="Type">The file system type, or <c>bind</c>.</param>
/// <param name="Source">The source: a directory for <c>bind</c>, a file for <c>erofs</c>, the word <c>overlay</c> for overlay.</param>
/// <param name="Target">Where below the mount directory it goes; empty: the directory itself.</param>
/// <param name="Options">Options, in order. For overlay, <c>lowerdir=</c> lists the lowest last: nearest first.</param>
public sealed record Mount(string Type, string Source, string Target, IReadOnlyList<string> Options)
{
    /// <summary>True if <c>ro</c> is among the options.</summary>
    public bool IsReadOnly => Options.Contains("ro");

    /// <summary>The mount as a line of /etc/fstab would have it.</summary>
    public override string ToString() => $"{Type} {Source} {string.Join(',', Options)}";
}
