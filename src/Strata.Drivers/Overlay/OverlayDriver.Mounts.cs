using System.Text;
using Strata.Linux;
using Strata.Trees;

namespace Strata.Drivers.Overlay;

/// <content>What is mounted, and how a layer is looked at without mounting it anywhere.</content>
public sealed partial class OverlayDriver
{
    /// <inheritdoc/>
    public override IReadOnlyList<Mount> GetMounts(LayerId id, MountRequest request)
    {
        RequireExists(id);
        SettleRoot(id);
        var lowers = LowerDirectories(id);
        bool committed = File.Exists(_layout.Committed(id));
        bool readOnly = request.ReadOnly || (committed && lowers.Length > 0);
        if (lowers.Length == 0)
            return [new Mount("bind", _layout.Diff(id), "", readOnly ? ["rbind", "ro"] : ["rbind", "rw"])];
        return [MountOf(id, lowers, readOnly, request.MountLabel)];
    }

    /// <summary>Removes what a volatile mount leaves, without which the same work directory could not be mounted again.</summary>
    internal static void ForgetVolatile(string work)
    {
        string mark = Path.Combine(work, "work", "incompat", "volatile");
        if (Directory.Exists(mark))
            TreeRemover.Remove(Path.Combine(work, "work", "incompat"));
    }

    private Mount MountOf(LayerId id, string[] lowers, bool readOnly, string? label)
    {
        var options = new List<string>();
        if (_features.CanTurnIndexOff)
            options.Add("index=off");
        // A kernel may have these on by default; what they write into an upper directory only this mount's own settings could read.
        // A read-only mount writes none, and must follow those that other tools' mounts have written.
        if (_features.CanTurnMetacopyOff && !_features.UserXattr)
            options.Add(readOnly ? "metacopy=on" : "metacopy=off");
        if (_features.UserXattr)
            options.Add("userxattr");
        var stack = new List<string>(lowers.Length + 1);
        if (readOnly)
            stack.Add(_layout.Diff(id));
        stack.AddRange(lowers);
        options.Add("lowerdir=" + string.Join(':', stack.Select(Escape)));
        if (readOnly)
        {
            options.Add("ro");
        }
        else
        {
            options.Add("upperdir=" + Escape(_layout.Diff(id)));
            options.Add("workdir=" + Escape(_layout.Work(id)));
            // Also without the option: it may have been set when the layer was mounted last.
            ForgetVolatile(_layout.Work(id));
            if (_volatile)
                options.Add("volatile");
        }
        options.AddRange(_moreOptions);
        if (!string.IsNullOrEmpty(label))
            options.Add($"context=\"{label}\"");
        return new Mount("overlay", "overlay", "", options);
    }

    /// <summary>The directories of the layers below, nearest first, by their short names.</summary>
    private string[] LowerDirectories(LayerId id)
    {
        var links = _layout.ReadLowers(id);
        if (links.Count > MountCalls.MaxOverlayLowers - 1)
            return MergedLowers(id, links);
        return links.Select(link => Path.Combine(_layout.Links, link)).ToArray();
    }

    /// <summary>A layer's whole tree, read-only, mounted nowhere. It vanishes when it is disposed.</summary>
    private RootDirectory OpenView(LayerId id)
    {
        SettleRoot(id);
        var lowers = LowerDirectories(id);
        return lowers.Length == 0
            ? RootDirectory.Open(_layout.Diff(id))
            : Mounter.MountDetached(MountOf(id, lowers, readOnly: true, label: null));
    }

    /// <summary>overlayfs splits directories at colons, and mount(2) options at commas; both are escaped by a backslash.</summary>
    private static string Escape(string path)
    {
        if (path.AsSpan().IndexOfAny(':', ',', '\\') < 0)
            return path;
        var escaped = new StringBuilder();
        foreach (char c in path)
        {
            if (c is ':' or ',' or '\\')
                escaped.Append('\\');
            escaped.Append(c);
        }
        return escaped.ToString();
    }
}
