using System.Text.Json;
using Strata.Testing;

namespace Strata.EndToEnd.Tests;

public sealed class ImageVerbTests
{
    [Fact]
    public void Images_are_made_looked_into_squashed_and_saved()
    {
        using var cli = new Cli("overlay");
        cli.Environment["SOURCE_DATE_EPOCH"] = "1000000000";
        Commands.Run("bash", "-c", $"mkdir -p '{cli.Scratch["root"]}/etc'; echo 1 > '{cli.Scratch["root"]}/etc/a'; tar -C '{cli.Scratch["root"]}' -czf '{cli.Scratch["root.tgz"]}' .");
        Assert.StartsWith("Imported base:1  sha256:", cli.Run("import", cli.Scratch["root"], "-t", "base:1", "--owner", "0:0", "--cmd", "[\"sh\"]", "--env", "A=b c", "--label", "l=1"), StringComparison.Ordinal);
        Assert.StartsWith("Imported tar:latest", cli.Shell("strata import -t tar < root.tgz"), StringComparison.Ordinal);
        cli.Run("create", "box", "--from", "base:1");
        string root = cli.Run("mount", "box").Trim();
        File.WriteAllText(Path.Combine(root, "etc/b"), "22");
        File.Delete(Path.Combine(root, "etc/a"));
        cli.Run("umount", "box");
        cli.Run("commit", "box", "-t", "new:1", "--user", "7", "--workdir", "/w", "--expose", "80", "--volume", "/v", "--stop-signal", "SIGINT", "--entrypoint", "[\"/e\"]", "--change", "ENV X=$A", "-m", "why", "-a", "me");
        using (var config = JsonDocument.Parse(cli.Run("inspect", "new:1", "--raw", "config")))
        {
            Assert.Equal("2001-09-09T01:46:40Z", config.RootElement.GetProperty("created").GetString());
            Assert.Equal("""{"Env":["A=b c","X=b c"],"Labels":{"l":"1"},"Entrypoint":["/e"],"User":"7","WorkingDir":"/w","ExposedPorts":{"80/tcp":{}},"Volumes":{"/v":{}},"StopSignal":"SIGINT"}""", config.RootElement.GetProperty("config").GetRawText());
        }
        var history = cli.Json("history", "new:1");
        Assert.Equal("why", history[0].GetProperty("comment").GetString());
        Assert.Equal("strata import", history[1].GetProperty("createdBy").GetString());
        Assert.Contains("2001-09-09 01:46:40", cli.Run("history", "new:1", "--no-trunc"), StringComparison.Ordinal);
        Assert.StartsWith("Squashed one:1  sha256:", cli.Run("squash", "new:1", "-t", "one:1"), StringComparison.Ordinal);
        using (var image = JsonDocument.Parse(cli.Run("inspect", "one:1")))
        {
            Assert.Equal("image", image.RootElement.GetProperty("kind").GetString());
            string layer = image.RootElement.GetProperty("layers").EnumerateArray().Single().GetProperty("chainId").GetString()!;
            using var one = JsonDocument.Parse(cli.Run("inspect", layer));
            Assert.Equal("layer", one.RootElement.GetProperty("kind").GetString());
        }
        using (var box = JsonDocument.Parse(cli.Run("inspect", "box")))
            Assert.Equal("writable", box.RootElement.GetProperty("kind").GetString());
        Assert.Equal("etc/\netc/b\n", cli.Shell("strata export one:1 | tar -t | grep etc"));
        cli.Run("squash", "new:1", "-t", "top:1", "--from", "1");
        cli.Run("squash", "new:1", "-t", "top:2", "--from", "base:1");
        Assert.Single(cli.Json("images").EnumerateArray(), i => i.GetProperty("names").EnumerateArray().Any(n => n.GetString() == "top:1") && i.GetProperty("names").GetArrayLength() == 2);
        Assert.Equal(cli.Run("inspect", "new:1", "--raw", "manifest"), cli.Shell("strata save new:1 one:1 -o two.tar --format oci && strata load two.tar > loaded && strata inspect new:1 --raw manifest"));
        Assert.Equal(2, File.ReadAllLines(cli.Scratch["loaded"]).Length);
        Assert.DoesNotContain("manifest.json", cli.Shell("tar -tf two.tar"), StringComparison.Ordinal);
        cli.Shell("strata save new:1 --format docker-archive --compression gzip --level 9 | tar -t | grep manifest.json");
        Assert.StartsWith("Untagged one:1", cli.Run("untag", "one:1"), StringComparison.Ordinal);
        Assert.Contains("<none>", cli.Run("images"), StringComparison.Ordinal);

        cli.Fail(3, "untag", "one:1");
        cli.Fail(2, "squash", "new:1", "-t", "x:1", "--from", "9");
        cli.Fail(3, "squash", "new:1", "-t", "x:1", "--from", "nothing");
        cli.Fail(2, "save", "new:1", "-o", cli.Scratch["x"], "--compression", "gzip", "--level", "40");
        cli.Fail(5, "save", "new:1", "-o", cli.Scratch["x"], "--all-platforms");
        cli.Fail(2, "import", cli.Scratch["root"], "-t", "x:1", "--owner", "root");
        cli.Fail(3, "inspect", "new:1", "--raw", "index");
        Assert.False(File.Exists(cli.Scratch["x"]));
    }

    [Fact]
    public void All_platforms_of_an_image_are_loaded_chosen_saved_and_removed()
    {
        using var cli = new Cli("vfs");
        var files = Cli.Image().ToLayout();
        TestImage mine = Cli.Image(), other = new TestImage { Architecture = "s390x" }.Layer(new TarBuilder().File("other"), "gzip");
        mine.AddTo(files);
        other.AddTo(files);
        byte[] index = TestImage.Index(other.Entry(platform: true), mine.Entry(platform: true));
        files["index.json"] = TestImage.Index($$"""{"mediaType":"application/vnd.oci.image.index.v1+json","digest":"{{files.AddBlob(index)}}","size":{{index.Length}},"annotations":{"io.containerd.image.name":"localhost/multi:1"} }""");
        string file = files.WriteTar(cli.Scratch["multi.tar"]);
        Assert.Equal($"Loaded localhost/multi:1  {mine.Id}\nLoaded the same for linux/s390x  {other.Id}\n", cli.Run("load", file, "--all-platforms"));
        Assert.Matches("localhost/multi:1 +linux/s390x", cli.Run("images"));
        Assert.Equal(2, cli.Json("images").EnumerateArray().Count(i => i.GetProperty("indexes").GetArrayLength() == 1));
        Assert.Equal(index, System.Text.Encoding.UTF8.GetBytes(cli.Run("inspect", "multi:1", "--raw", "index")));
        cli.Run("create", "box", "--from", "multi:1", "--platform", "linux/s390x");
        Assert.Equal("other\n", cli.Shell("strata export box | tar -t | grep other"));
        Assert.Contains("s390x", cli.Fail(3, "create", "no", "--from", "multi:1", "--platform", "linux/mips64"), StringComparison.Ordinal);
        cli.Run("tag", "multi:1", "other:1");
        cli.Run("save", "other:1", "--all-platforms", "-o", cli.Scratch["out.tar"]);
        using var second = new Cli("vfs");
        Assert.Equal(2, second.Json("load", cli.Scratch["out.tar"], "--all-platforms").GetArrayLength());
        cli.Run("rm", "box");
        cli.Run("rm", "multi:1");
        cli.Run("rm", "other:1");
        Assert.Equal(0, cli.Json("images").GetArrayLength());
        Assert.Equal(0, cli.Json("layers").GetArrayLength());
        Assert.Empty(Directory.GetFiles(Path.Combine(cli.Root, "blobs/sha256")));
        cli.AssertWhole();
    }
}
