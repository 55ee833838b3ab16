using Strata.Linux;
using Strata.Trees;

namespace Strata.Drivers.Overlay;

/// <content>
/// The attributes of the root directory. overlayfs shows those of the topmost layer's, so each layer that does not set them itself must have a
/// copy of its parent's: else an image's root would become 0755 root:root by a layer that never names it.
/// </content>
public sealed partial class OverlayDriver
{
    /// <summary>Gives a new layer's directory the attributes of its parent's root.</summary>
    private void InheritRoot(LayerId parent, string diff, (uint Uid, uint Gid)? owner = null, OwnerMap? owners = null)
    {
        SettleRoot(parent);
        using var from = FileCalls.Open(RootOf(parent), OpenFlags.ReadOnly | OpenFlags.Directory);
        using var to = FileCalls.Open(diff, OpenFlags.ReadOnly | OpenFlags.Directory);
        var source = AttributeCalls.Stat(from);
        var old = AttributeCalls.Stat(to);
        var (uid, gid) = owner ?? owners?.ToHost(source.Uid, source.Gid) ?? (source.Uid, source.Gid);
        if (uid != old.Uid || gid != old.Gid)
            Check(AttributeCalls.TryChown(to.Number, uid, gid), "chown", diff);
        if (source.Mode != old.Mode)
            Check(AttributeCalls.TryChmod(to.Number, source.Permissions), "chmod", diff);
        foreach (var xattr in XattrCalls.GetAll(from.Number, "."u8))
        {
            // Escaped attributes stay escaped; marks are the parent's own.
            if (_marks.ToLayer(xattr.Name) is not [])
                Check(XattrCalls.TrySetAt(to.Number, "."u8, xattr.Name, owners?.ToHost(xattr.Name, xattr.Value) ?? xattr.Value), "setxattr", diff);
        }
        Check(AttributeCalls.TrySetTime(to.Number, source.Mtime), "utimensat", diff);
    }

    /// <summary>A tar is about to say what the root is: what was taken from the parent must not mix with it.</summary>
    private void ForgetInheritedRoot(LayerId id)
    {
        using var diff = FileCalls.Open(_layout.Diff(id), OpenFlags.ReadOnly | OpenFlags.Directory);
        foreach (var xattr in XattrCalls.GetAll(diff.Number, "."u8))
        {
            if (_marks.ToLayer(xattr.Name) is not [])
                Check(XattrCalls.TryRemove(diff.Number, xattr.Name), "removexattr", _layout.Diff(id));
        }
    }

    /// <summary>The layer's tar did not list the root. The parent may still be under way: then this is finished when it is first needed.</summary>
    private void InheritRootLater(LayerId id) => SmallFile.Mark(_layout.InheritsRoot(id));

    /// <summary>Finishes what <see cref="InheritRootLater"/> left to do, for the layer and those below it, from the lowest up. May be done twice.</summary>
    private void SettleRoot(LayerId id)
    {
        if (!File.Exists(_layout.InheritsRoot(id)))
            return;
        var waiting = new Stack<(LayerId Layer, LayerId Parent)>();
        for (var layer = id; File.Exists(_layout.InheritsRoot(layer)) && ParentOf(layer) is { } parent; layer = parent)
            waiting.Push((layer, parent));
        while (waiting.TryPop(out var next))
        {
            if (FindLink(next.Layer) is null)
                InheritRoot(next.Parent, _layout.Diff(next.Layer));
            else
                MakeOwnRoot(next.Layer, next.Parent);
            File.Delete(_layout.InheritsRoot(next.Layer));
        }
    }

    private static void Check(Errno errno, string call, string path)
    {
        if (errno != Errno.None)
            throw new LinuxException(errno, call, path);
    }
}
