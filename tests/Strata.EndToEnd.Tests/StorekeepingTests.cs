using System.Text.Json;

namespace Strata.EndToEnd.Tests;

public sealed class StorekeepingTests
{
    [Theory, InlineData("overlay"), InlineData("erofs")]
    public void A_damaged_layer_is_healed_from_the_image_s_file(string driver)
    {
        using var cli = new Cli(driver);
        string layout = cli.Layout(Cli.Image());
        cli.Run("load", layout);
        cli.Run("create", "box", "--from", "localhost/test:1");
        Assert.Contains("all is as it should be", cli.Run("check", "--deep"), StringComparison.Ordinal);
        string id = cli.Json("layers").EnumerateArray().Single(l => l.GetProperty("parent").ValueKind == JsonValueKind.Null).GetProperty("driverId").GetString()!;
        string file = driver == "erofs" ? Path.Combine(cli.Root, driver, id, "layer.tar") : Path.Combine(cli.Root, driver, id, "diff", "etc", "a");
        byte[] bytes = File.ReadAllBytes(file);
        int at = bytes.AsSpan().IndexOf("one"u8);
        bytes[at] ^= 1;
        File.WriteAllBytes(file, bytes);
        File.Delete(layout + ".moved");
        File.Move(layout, layout + ".moved"); // not where it came from any more

        var (code, output, _) = cli.Try("check", "--deep");
        Assert.Equal(9, code);
        Assert.Contains("damaged", output, StringComparison.Ordinal);
        Assert.Equal(9, cli.Try("check", "--deep", "--repair").Code);
        Assert.Contains("Repaired.", cli.Run("check", "--deep", "--repair", "--from", layout + ".moved"), StringComparison.Ordinal);
        Assert.Empty(cli.Json("check", "--deep").EnumerateArray());
        Assert.Equal("one", File.ReadAllText(Path.Combine(cli.Run("mount", "box").Trim(), "etc/a")));
        cli.Run("umount", "box");
    }

    [Fact]
    public void What_is_made_is_kept_by_names_leases_and_rebuild()
    {
        using var cli = new Cli("overlay");
        cli.Run("load", cli.Layout(Cli.Image()));
        cli.Run("create", "box", "--from", "localhost/test:1");
        cli.Run("lease", "create", "mine", "--expires", "1h");
        string layer = cli.Shell("mkdir l && echo x > l/x && tar -C l -c . | strata apply").Trim();
        string leased = cli.Shell("echo y > l/y && tar -C l -c . | strata --lease mine apply").Trim();
        Assert.Equal(new[] { "applied", "mine" }, cli.Json("lease", "list").EnumerateArray().Select(l => l.GetProperty("name").GetString()));
        Assert.Contains("Removed 0 layers", cli.Run("gc"), StringComparison.Ordinal);
        cli.Fail(5, "rm", leased);
        cli.Run("lease", "rm", "mine");
        Assert.Contains("Would remove 1 layers", cli.Run("gc", "--dry-run"), StringComparison.Ordinal);
        Assert.Equal(leased, Assert.Single(cli.Json("gc").GetProperty("layers").EnumerateArray()).GetProperty("chainId").GetString());
        Assert.Equal(5, cli.Json("du").GetArrayLength()); // an image, three layers, a writable layer
        Assert.Contains("writable", cli.Run("du", "box"), StringComparison.Ordinal);

        File.WriteAllText(Path.Combine(cli.Root, "strata.db"), "garbage");
        File.Delete(Path.Combine(cli.Root, "strata.db-wal"));
        Assert.Equal(9, cli.Try("images").Code);
        var rebuilt = cli.Json("rebuild");
        Assert.Equal((3, 1, 1), (rebuilt.GetProperty("layers").GetInt32(), rebuilt.GetProperty("images").GetInt32(), rebuilt.GetProperty("writable").GetInt32()));
        Assert.True(File.Exists(rebuilt.GetProperty("keptAside").GetString()));
        Assert.Empty(cli.Json("check", "--deep").EnumerateArray());
        File.WriteAllText(Path.Combine(cli.Root, "recipes", "nobodys.recipe"), "x");
        Assert.Contains("none is damaged.", cli.Run("check"), StringComparison.Ordinal); // and none was
        cli.Run("check", "--repair");
        cli.Run("rm", "box", "localhost/test:1", layer);
        Assert.Equal(0, cli.AssertWhole());
    }

    [Fact]
    public void An_image_whose_layers_are_gone_can_be_removed()
    {
        using var cli = new Cli("overlay");
        cli.Run("load", cli.Layout(Cli.Image()));
        foreach (var layer in cli.Json("layers").EnumerateArray())
            Directory.Delete(Path.Combine(cli.Root, "overlay", layer.GetProperty("driverId").GetString()!), recursive: true);
        Assert.Equal(9, cli.Try("check").Code);
        Assert.Single(cli.Json("images").EnumerateArray());
        cli.Run("rm", "--force", "localhost/test:1");
        cli.Run("check", "--repair"); // short names
        Assert.Empty(cli.Json("check").EnumerateArray());
        cli.Run("load", cli.Layout(Cli.Image()));
        cli.Run("check", "--deep");
    }
}
