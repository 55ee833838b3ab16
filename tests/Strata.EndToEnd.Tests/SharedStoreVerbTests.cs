using Strata.Testing;

namespace Strata.EndToEnd.Tests;

public sealed class SharedStoreVerbTests
{
    [Fact]
    public void Verbs_use_the_images_of_a_shared_store_and_leave_it_alone()
    {
        using var cli = new Cli("overlay");
        string mine = cli.Root, theirs = cli.Scratch["theirs"];
        cli.Root = theirs;
        cli.Run("load", cli.Layout(Cli.Image()));
        cli.Root = mine;
        cli.Environment["STRATA_SHARED_STORES"] = $"{cli.Scratch["none"]}:{theirs}";
        var (code, output, error) = cli.Try("images");
        Assert.Equal(0, code);
        Assert.Contains(theirs, output, StringComparison.Ordinal);
        Assert.Contains($"the shared store {cli.Scratch["none"]} is left out: There is no directory", error, StringComparison.Ordinal);
        cli.Environment.Remove("STRATA_SHARED_STORES");

        string[] shared = ["--shared-store", theirs];
        cli.Run(["create", "box", "--from", "localhost/test:1", .. shared]);
        Assert.Equal("three", File.ReadAllText(Path.Combine(cli.Run("mount", "box").Trim(), "etc/c"))); // no option: it is in use
        cli.Run("umount", "box");
        Assert.Contains($"(in {theirs})", cli.Run("tree").ReplaceLineEndings(""), StringComparison.Ordinal);
        Assert.Contains("layer (shared)", cli.Run("du"), StringComparison.Ordinal);
        Assert.Contains("is only read", cli.Fail(5, ["rm", "localhost/test:1", .. shared]), StringComparison.Ordinal);
        string file = cli.Scratch["saved.tar"];
        cli.Run(["save", "localhost/test:1", "-o", file, .. shared]);
        cli.Run(["load", file, "-t", "localhost/own:1", .. shared]);
        cli.Run("rm", "box");
        cli.Run("rm", "localhost/own:1");
        Assert.Equal(2, cli.AssertWhole()); // links, which only collection takes
        cli.Run("gc");
        Assert.Equal(0, cli.AssertWhole());
        cli.Root = theirs;
        cli.Run("check", "--deep");
        Assert.Equal(2, cli.AssertWhole());
        cli.Root = mine;
    }
}
