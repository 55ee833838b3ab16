using Strata.Trees;

namespace Strata.Drivers.Tests;

/// <content>SELinux's labels: carried by the mount, or by the files from the beginning, or refused; never ignored.</content>
public abstract partial class DriverSuite
{
    private const string Label = "system_u:object_r:container_file_t:s0:c1,c2";

    [Fact]
    public void Label_is_in_the_mount_or_on_the_files_or_refused()
    {
        var below = Rig.Make("below", null, s => s.Dir("d").File("d/f", "x").Symlink("l", "nowhere"));
        Driver.CreateReadWrite(Id("labelled"), below, new CreateOptions { MountLabel = Label });
        Driver.CreateReadWrite(Id("plain"), below);
        var request = new MountRequest(MountLabel: Label);
        if (Rig.Kind == "fuse-overlayfs")
        {
            Fails(ErrorKind.NotSupported, () => Driver.GetMounts(Id("labelled"), request));
            Note(Feature.Label, "refused");
            return;
        }
        var mount = Assert.Single(Driver.GetMounts(Id("labelled"), request));
        if (mount.Type == "bind")
        {
            string root = mount.Source;
            Assert.All(Directory.EnumerateDirectories(root, "*", SearchOption.AllDirectories).Append(root), path => Assert.Equal(Label, TreeLabel.Find(path)));
            Assert.Equal(Label, Attribute(Path.Combine(root, "d/f")));
            var e = Fails(ErrorKind.NotSupported, () => Driver.GetMounts(Id("plain"), request));
            Assert.Contains(Label, e.Message, StringComparison.Ordinal);
            Fails(ErrorKind.NotSupported, () => Driver.Get(Id("plain"), Label));
            Assert.Equal(Rig.Use(Id("labelled"), r => r), Driver.Get(Id("labelled"), Label));
            Driver.Put(Id("labelled"));
        }
        else
        {
            Assert.Contains($"context=\"{Label}\"", mount.Options);
        }
        Note(Feature.Label, mount.Type == "bind" ? "on the files" : "on the mount");
        // A label belongs to the host, not to the layer.
        Assert.Empty(Rig.Changes(Id("labelled"), below));
        Fails(ErrorKind.InvalidArgument, () => Driver.GetMounts(Id("labelled"), new MountRequest(MountLabel: "a b")));
    }

    [Fact]
    public void Label_of_a_layer_that_lies_on_nothing()
    {
        Driver.CreateReadWrite(Id("labelled"), null, new CreateOptions { MountLabel = Label });
        Driver.CreateReadWrite(Id("plain"), null);
        var mount = Assert.Single(Driver.GetMounts(Id("labelled"), new MountRequest(MountLabel: Label)));
        if (mount.Type == "bind")
        {
            Assert.Equal(Label, TreeLabel.Find(mount.Source));
            Fails(ErrorKind.NotSupported, () => Driver.GetMounts(Id("plain"), new MountRequest(MountLabel: Label)));
        }
        else
        {
            Assert.Contains($"context=\"{Label}\"", mount.Options);
        }
        if (mount.Type != "bind")
            return;
        Fails(ErrorKind.InvalidArgument, () => Driver.CreateReadWrite(Id("other"), null, new CreateOptions { MountLabel = "a\"b" }));
        Assert.False(Driver.Exists(Id("other")));
    }

    private static string? Attribute(string path)
    {
        using var file = Linux.FileCalls.Open(path, Linux.OpenFlags.ReadOnly);
        return Linux.XattrCalls.Find(file, "security.selinux"u8) is { } value ? System.Text.Encoding.ASCII.GetString(value) : null;
    }
}
