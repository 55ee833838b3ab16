using System.Text.RegularExpressions;
using Strata.Drivers.Aufs;
using Strata.Testing;

namespace Strata.Drivers.Tests;

/// <summary>The drivers' pages say what is so: their options, the keys of the status, the layout on disk, and the commands to look at it.</summary>
public sealed class DriverPagesTests(FileSystems fileSystems)
{
    /// <summary>What is on disk only of a layer that has a limit, lies on many, or needs it; each is made by tests of its own.</summary>
    private static readonly string[] Seldom = ["quotas/ID", "ID/chain.1.erofs", "ID/layer.1.side"];

    public static TheoryData<string> Names => [.. DriverRegistry.CreateDefault().Names];

    public static TheoryData<string, string> Living => new() { { "overlay", "ext4" }, { "erofs", "ext4" }, { "vfs", "ext4" }, { "btrfs", "btrfs" }, { "fuse-overlayfs", "ext4" } };

    [Fact]
    public void Each_driver_has_a_page_and_each_page_a_driver()
    {
        var pages = Directory.EnumerateFiles(DriverPage.Folder, "*.md").Select(path => Path.GetFileNameWithoutExtension(path)).Where(name => name != "README");
        var names = DriverRegistry.CreateDefault().Names.Order(StringComparer.Ordinal);
        Assert.Equal(names, pages.Order(StringComparer.Ordinal));
        string index = new DriverPage("README").Text;
        Assert.All(names, name => Assert.Contains($"]({name}.md)", index, StringComparison.Ordinal));
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void Options_of_the_page_are_those_of_the_driver(string name)
    {
        string root = fileSystems.Of(name == "btrfs" ? "btrfs" : "ext4").NewDirectory();
        if (name == "aufs") // a store that is there is opened without aufs
            Directory.CreateDirectory(Path.Combine(root, "aufs/layers/below"));
        // Who asks for an option that there is not is told those that there are.
        var e = Assert.Throws<StrataException>(() => DriverRegistry.CreateDefault().Get(name, root, DriverOptions.Parse([name + ".nosuch=1"])));
        Assert.Equal(ErrorKind.InvalidArgument, e.Kind);
        Assert.Equal(Known(e, name + "."), new DriverPage(name).DriverOptions);
    }

    [Theory]
    [MemberData(nameof(Living))]
    public void Status_layout_and_commands_of_the_page_are_those_of_the_driver(string name, string fileSystem)
    {
        using var rig = new Rig(name, fileSystems.Of(fileSystem));
        var below = rig.Apply("below", null, new TarBuilder().File("f", "x"));
        rig.Apply("over", below, new TarBuilder().File("g", "y"));
        rig.Driver.CreateReadWrite(Rig.Id("box"), Rig.Id("over"));
        rig.Use(Rig.Id("box"), _ => 0);
        string root = rig.Outside, home = Path.Combine(root, name);
        Directory.CreateSymbolicLink(home, rig.Home); // as the page has it
        var page = new DriverPage(name);
        page.Check(rig.Driver, ("ROOT", root), ("ID", "below"), ("FILE", Path.Combine(rig.Home, "below")));
        string[] layers = ["below", "over", "box"];
        var missing = page.Layout().Except(Seldom).Where(path => !layers.Any(id => Path.Exists(Path.Combine(home, Regex.Replace(path, @"\bID\b", id)))));
        Assert.Empty(missing);
        // Storage options, too: those that the page names, or the page that it leads to.
        var e = Assert.Throws<StrataException>(() => rig.Driver.CreateReadWrite(Rig.Id("other"), below, new CreateOptions { StorageOptions = new Dictionary<string, string> { ["nosuch"] = "1" } }));
        string[] known = Known(e, "");
        Assert.Subset(known.ToHashSet(), page.StorageOptions.ToHashSet());
        Assert.Subset(page.StorageOptions.Concat(new DriverPage("README").StorageOptions).ToHashSet(), known.ToHashSet());
        File.Delete(home);
    }

    [Fact]
    public void Page_of_aufs_is_as_its_driver_is()
    {
        // As a store of Docker's, which is read without aufs in the kernel.
        using var root = new ScratchDirectory();
        string home = root.Make("aufs");
        foreach (string directory in new[] { "layers", "diff/below", "mnt/below" })
            Directory.CreateDirectory(Path.Combine(home, directory));
        File.WriteAllText(Path.Combine(home, "layers/below"), "other\n");
        var driver = new AufsDriver(home, DriverOptions.None);
        var page = new DriverPage("aufs");
        page.Check(driver, ("ROOT", root.Path), ("ID", "below"));
        Assert.All(page.Layout(), path => Assert.True(Path.Exists(Path.Combine(home, path.Replace("ID", "below", StringComparison.Ordinal))), path));
        driver.Cleanup();
    }

    /// <summary>What comes behind "It knows: ", without a prefix.</summary>
    private static string[] Known(StrataException e, string prefix)
    {
        string list = e.Message[(e.Message.IndexOf("It knows: ", StringComparison.Ordinal) + "It knows: ".Length)..].TrimEnd('.');
        return list == "none" ? [] : [.. list.Split(", ").Select(key => key[prefix.Length..]).Order(StringComparer.Ordinal)];
    }
}
