using System.Text;
using Strata.Drivers.Overlay;

namespace Strata.Drivers.Aufs;

/// <summary>Makes the mounts of a stack of branches, as Docker's driver made them (aufs(5)).</summary>
internal static class AufsOptions
{
    private const string Rest = "dio,xino=/dev/shm/aufs.xino";

    /// <summary>The first mount holds as many branches as a page of options takes; each further one is appended by a remount of its own.</summary>
    /// <param name="top">The topmost branch.</param>
    /// <param name="below">Those below it, nearest first.</param>
    /// <param name="readOnly">True: nothing can be written to the topmost either.</param>
    /// <param name="label">An SELinux label, or null.</param>
    /// <param name="pageBytes">The size of a page: mount(2) takes one of options, the NUL included.</param>
    internal static IReadOnlyList<Mount> Make(string top, IReadOnlyList<string> below, bool readOnly, string? label, int pageBytes)
    {
        string context = string.IsNullOrEmpty(label) ? "" : "," + OverlayOptions.ContextOf(label);
        int room = pageBytes - 1 - Encoding.UTF8.GetByteCount(Rest) - 1 - Encoding.UTF8.GetByteCount(context);
        var branches = new StringBuilder("br:").Append(Checked(top)).Append(readOnly ? "=ro" : "=rw");
        int used = Encoding.UTF8.GetByteCount(branches.ToString());
        int index = 0;
        for (; index < below.Count; index++)
        {
            string branch = $":{Checked(below[index])}=ro+wh";
            used += Encoding.UTF8.GetByteCount(branch);
            if (used > room)
                break;
            branches.Append(branch);
        }
        var mounts = new List<Mount> { new("aufs", "none", "", Options(branches.ToString(), Rest, readOnly)) };
        for (; index < below.Count; index++)
            mounts.Add(new Mount("aufs", "none", "", Options("remount", $"append:{Checked(below[index])}=ro+wh", readOnly)));
        return mounts;

        string[] Options(string first, string second, bool ro)
        {
            var options = new List<string> { first, second };
            if (context.Length > 0)
                options.Add(context[1..]);
            if (ro)
                options.Add("ro");
            return [.. options];
        }
    }

    /// <summary>aufs splits branches at colons and equals signs, options at commas, and knows no escape.</summary>
    private static string Checked(string path) =>
        path.AsSpan().IndexOfAny(':', ',', '=') < 0
            ? path
            : throw StrataException.InvalidArgument($"aufs can't stack {path}: a colon, comma or equals sign in a path has no escape there. Move the root to another path.");
}
