using Strata.Linux;
using Strata.Testing;

namespace Strata.Drivers.Tests;

/// <content>Homes that are not as they should be: a clear error for what is damaged, and all else goes on.</content>
public abstract partial class DriverSuite
{
    [Fact]
    public void Layer_that_is_missing_below_another_is_told_and_nothing_else_suffers()
    {
        var below = Rig.Apply("below", null, RichLayers.Below());
        var middle = Rig.Apply("middle", below, new TarBuilder().File("mid", "m"));
        Driver.CreateReadWrite(Id("box"), middle);
        Rig.Change(Id("box"), s => s.File("mine", "x"));
        var other = Rig.Apply("other", null, new TarBuilder().File("o", "o"));
        Driver.Remove(below); // drivers do not count references: who calls so has lost it
        var restarted = Rig.Open();
        Assert.NotEmpty(restarted.GetStatus());
        Assert.Equal(["box", "middle", "other"], restarted.List().Select(id => id.ToString()).Order());
        try
        {
            string root = restarted.Get(Id("box"));
            Assert.True(File.Exists(Path.Combine(root, "mine")));
            restarted.Put(Id("box")); // whole trees, and snapshots, need nothing below them
        }
        catch (StrataException e)
        {
            Assert.True(e.Kind is ErrorKind.Corrupt or ErrorKind.NotFound || Rig.Kind == "fuse-overlayfs", $"{e.Kind}: {e.Message}");
        }
        Assert.Empty(Mounts.AtOrBelow(Rig.Home));
        Assert.Contains("/o ", Rig.Dump(other), StringComparison.Ordinal);
        Fails(ErrorKind.NotFound, () => restarted.Create(Id("new"), below));
        restarted.Remove(Id("box"));
        restarted.Remove(middle);
        Assert.Equal([other], restarted.List());
    }

    [Fact]
    public void Things_in_the_home_that_are_no_layers_are_left_alone()
    {
        var id = Rig.Make("one", null, s => s.File("f", "x"));
        string foreign = Path.Combine(Rig.Home, "not a layer, by its name");
        Directory.CreateDirectory(Path.Combine(foreign, "in"));
        File.WriteAllText(Path.Combine(Rig.Home, "README"), "somebody's");
        File.WriteAllText(Path.Combine(foreign, "in", "f"), "kept");
        var restarted = Rig.Open();
        Assert.Equal([id], restarted.List());
        Assert.NotEmpty(restarted.GetStatus());
        restarted.Cleanup();
        Assert.Equal("kept", File.ReadAllText(Path.Combine(foreign, "in", "f")));
        Assert.Equal("somebody's", File.ReadAllText(Path.Combine(Rig.Home, "README")));
        Assert.Contains("/f ", Rig.Dump(id), StringComparison.Ordinal);
    }

    [Fact]
    public void Busy_mount_stays_and_goes_when_it_is_no_longer()
    {
        var parent = Rig.Make("base", null, s => s.File("f", "x"));
        Driver.CreateReadWrite(Id("box"), parent);
        string root = Driver.Get(Id("box"));
        using (var file = new FileStream(Path.Combine(root, "open"), FileMode.CreateNew))
        {
            file.WriteByte(1);
            if (Mounts.AtOrBelow(Rig.Home).Count > 0 && Rig.Kind != "fuse-overlayfs")
            {
                Assert.Contains("busy", Fails(ErrorKind.FailedPrecondition, () => Driver.Put(Id("box"))).Message, StringComparison.Ordinal);
                Assert.True(File.Exists(Path.Combine(root, "f")));
                Assert.NotEmpty(Driver.GetStatus());
                Assert.Equal(["A /open"], Rig.Changes(Id("box"), parent));
            }
        }
        Driver.Put(Id("box"));
        Assert.Empty(Mounts.AtOrBelow(Rig.Home));
        Assert.Contains("A /open", Rig.Changes(Id("box"), parent));
    }
}
