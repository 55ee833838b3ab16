using System.Text.Json;
using Strata.Testing;

namespace Strata.EndToEnd.Tests;

public sealed class VerbTests
{
    private static readonly string[] Verbs =
        ["load", "images", "layers", "tree", "info", "status", "create", "rm", "mount", "umount", "changes", "diff", "apply", "commit", "import", "squash", "history", "inspect", "save", "export", "tag", "untag", "check", "completion"];

    [Theory, InlineData("erofs"), InlineData("overlay"), InlineData("vfs")]
    public void The_main_job(string driver)
    {
        using var cli = new Cli(driver);
        var image = Cli.Image();
        Assert.Equal($"Loaded localhost/test:1  {image.Id}\n", cli.Run("load", cli.Layout(image)));
        Assert.Matches("localhost/test:1 +linux/[a-z0-9]+ +" + image.Id[7..19], cli.Run("images"));
        Assert.Equal(3, cli.Run("layers").Split('\n', StringSplitOptions.RemoveEmptyEntries).Length);
        Assert.Equal("box\n", cli.Run("create", "box", "--from", "test:1"));
        Assert.Contains("writable box", cli.Run("tree"), StringComparison.Ordinal);

        string root = cli.Run("mount", "box").TrimEnd('\n');
        Assert.Equal("one", File.ReadAllText(Path.Combine(root, "etc/a")));
        Assert.False(File.Exists(Path.Combine(root, "etc/b")));
        File.WriteAllText(Path.Combine(root, "etc/x"), "x");
        File.AppendAllText(Path.Combine(root, "etc/a"), "!");
        File.Delete(Path.Combine(root, "data/file1"));
        Assert.Equal("C /data\nD /data/file1\nC /etc\nC /etc/a\nA /etc/x\n", cli.Run("changes", "box"));
        if (driver != "vfs")
        {
            Assert.Contains(root, cli.Run("status"), StringComparison.Ordinal);
            Assert.Contains(root, cli.Fail(5, "rm", "box"), StringComparison.Ordinal);
        }
        Assert.Equal("", cli.Run("umount", "box"));

        Assert.Equal("data/\ndata/.wh.file1\netc/\netc/a\netc/x\n", cli.Shell("strata diff box > change.tar && tar -tf change.tar"));
        cli.Run("diff", "box", "-o", cli.Scratch["again.tar"]);
        Assert.Equal(File.ReadAllBytes(cli.Scratch["change.tar"]), File.ReadAllBytes(cli.Scratch["again.tar"]));
        string applied = cli.Shell("strata apply --onto test:1 < change.tar").Trim();
        Assert.StartsWith("Committed new:latest  sha256:", cli.Run("commit", "box", "-t", "new"), StringComparison.Ordinal);
        Assert.Equal(3, cli.Json("layers").GetArrayLength()); // applied and committed are the same layer
        Assert.Equal(applied, cli.Json("images").EnumerateArray().Single(i => i.GetProperty("names")[0].GetString() == "new:latest").GetProperty("topLayer").GetString());
        Assert.Equal("x", cli.Shell("strata export new | tar -xO etc/x"));
        Assert.Equal("x", cli.Shell("strata export box | tar -xO etc/x"));

        cli.Run("tag", "new", "newer:2");
        cli.Run("save", "newer:2", "-o", cli.Scratch["new.tar"]);
        cli.Shell("strata save new | cmp - new.tar");
        using var other = new Cli("vfs");
        Assert.Contains("new:latest, newer:2", other.Run("load", cli.Scratch["new.tar"]), StringComparison.Ordinal);

        Assert.Equal("Removed box\n", cli.Run("rm", "box"));
        Assert.Equal("Removed the name newer:2\n", cli.Run("rm", "newer:2"));
        Assert.Equal("Removed image new:latest and 0 layers\n", cli.Run("rm", "new")); // what was applied for its own sake stays
        Assert.Equal($"Removed layer {applied}\n", cli.Run("rm", applied));
        Assert.Contains("and 2 layers", cli.Run("rm", image.Id[7..20]), StringComparison.Ordinal);
        Assert.Equal("[]", cli.Run("layers", "--json").Trim());
        cli.AssertWhole();
    }

    [Fact]
    public void Json_is_whole_and_tells_the_same()
    {
        using var cli = new Cli("overlay");
        var image = Cli.Image();
        Assert.Equal(image.Id, cli.Json("load", cli.Layout(image))[0].GetProperty("id").GetString());
        cli.Run("create", "box", "--from", "test:1");
        string root = cli.Run("mount", "box").Trim();
        File.WriteAllText(Path.Combine(root, "new\nline \"quoted\""), "x");
        var change = cli.Json("changes", "box")[0];
        Assert.Equal("add", change.GetProperty("kind").GetString());
        Assert.Contains("quoted", change.GetProperty("path").GetString(), StringComparison.Ordinal);
        Assert.Single(cli.Run("changes", "box").Split('\n', StringSplitOptions.RemoveEmptyEntries));
        var writable = cli.Json("status").GetProperty("writable")[0];
        Assert.Equal("box", writable.GetProperty("name").GetString());
        Assert.Equal(root, writable.GetProperty("mountedAt").GetString());
        cli.Run("umount", "box");
        Assert.Equal(JsonValueKind.Null, cli.Json("status").GetProperty("writable")[0].GetProperty("mountedAt").ValueKind);
        Assert.Equal(2, cli.Json("layers").GetArrayLength());
        Assert.Equal(image.Id, cli.Json("images")[0].GetProperty("id").GetString());
        Assert.Contains(cli.Json("info").GetProperty("drivers").EnumerateArray(), d => d.GetProperty("name").GetString() == "vfs" && d.GetProperty("usable").GetBoolean());
    }

    [Fact]
    public void Every_verb_has_help()
    {
        using var cli = new Cli();
        string all = cli.Run("--help");
        foreach (string verb in Verbs)
        {
            Assert.Contains($"  {verb} ", all, StringComparison.Ordinal);
            string help = cli.Run(verb, "--help");
            Assert.Contains($"strata {verb}", help, StringComparison.Ordinal);
            Assert.Contains("--root", help, StringComparison.Ordinal);
        }
        Assert.False(Directory.Exists(cli.Root));
    }

    [Fact]
    public void Exit_codes_tell_failures_apart()
    {
        using var cli = new Cli("overlay");
        cli.Fail(2);
        Assert.Contains("--help", cli.Fail(2, "frobnicate"), StringComparison.Ordinal);
        Assert.Contains("--frobnicate", cli.Fail(2, "load", "--frobnicate"), StringComparison.Ordinal);
        cli.Fail(2, "create");
        Assert.Contains("'strata lease create --help'", cli.Fail(2, "lease", "create", "--frobnicate"), StringComparison.Ordinal);
        cli.Fail(2, "commit", "box");
        Assert.False(Directory.Exists(cli.Root));

        Assert.Contains("no/such", cli.Fail(3, "load", "no/such"), StringComparison.Ordinal);
        Assert.Contains("strata images", cli.Fail(3, "save", "nothing", "-o", cli.Scratch["out"]), StringComparison.Ordinal);
        Assert.False(File.Exists(cli.Scratch["out"]));
        cli.Fail(3, "create", "box", "--from", "nothing");
        cli.Fail(3, "rm", "nothing");
        foreach (string verb in new[] { "mount", "umount", "changes", "export" })
            cli.Fail(3, verb, "nothing");
        cli.Fail(3, "diff", "nothing", "-o", cli.Scratch["out"]);
        cli.Fail(3, "tag", "nothing", "new");
        cli.Fail(3, "apply", "no/such");

        cli.Run("create", "box");
        Assert.Contains("rm box", cli.Fail(4, "create", "box"), StringComparison.Ordinal);
        cli.Fail(2, "create", "../x");
        cli.Fail(2, "create", "x", "--storage-opt", "size");
        File.WriteAllText(cli.Scratch["text"], "this is no image");
        cli.Fail(2, "create", "y", "--storage-opt", "colour=red");
        var (code, _, error) = cli.Try("load", cli.Scratch["text"]);
        Assert.Equal(2, code);
        Assert.Contains("is no image", error, StringComparison.Ordinal);

        var damaged = Cli.Image();
        var files = damaged.ToLayout();
        string blob = "blobs/sha256/" + TestImage.HexOf(damaged.Blobs[0]);
        files[blob] = [.. damaged.Blobs[0][..^30], .. new byte[30]];
        cli.Fail(9, "load", files.WriteTar(cli.Scratch["damaged.tar"]));
        Assert.Equal(0, cli.Json("layers").GetArrayLength());
        using var other = new Cli("vfs") { Root = cli.Root };
        Assert.Contains("overlay", other.Fail(5, "images"), StringComparison.Ordinal);
        using var unknown = new Cli("zebra");
        Assert.Contains("overlay", unknown.Fail(6, "images"), StringComparison.Ordinal);
    }

    [Fact]
    public void What_would_control_a_terminal_is_only_shown()
    {
        using var cli = new Cli();
        string image = Cli.Image().ToLayout("\"io.containerd.image.name\":\"x:\\u001b[31m\\n\\u202e\"").WriteTar(cli.Scratch["image.tar"]);
        string error = cli.Fail(2, "load", image);
        Assert.Contains(@"'x:\x1b[31m\x0a\u202e' can't be an image's name", error, StringComparison.Ordinal);
        Assert.Single(error.TrimEnd('\n').Split('\n'));
    }

    [Fact]
    public void Rm_goes_on_after_what_it_can_not_remove()
    {
        using var cli = new Cli("vfs");
        cli.Run("create", "one");
        cli.Run("create", "two");
        var (code, output, error) = cli.Try("rm", "one", "nothing", "two");
        Assert.Equal(3, code);
        Assert.Equal("Removed one\nRemoved two\n", output);
        Assert.Contains("nothing", error, StringComparison.Ordinal);
    }

    [Fact]
    public void Rm_by_id_means_the_id_and_not_a_name_that_ends_alike()
    {
        using var cli = new Cli("vfs");
        var image = Cli.Image();
        cli.Run("load", cli.Layout(image));
        string id = image.Id[7..15];
        cli.Run("tag", "test:1", $"my-{id}");
        Assert.StartsWith("Removed image ", cli.Run("rm", id), StringComparison.Ordinal);
        Assert.Equal(0, cli.Json("images").GetArrayLength());
        string chain = cli.Shell("printf 'x' > x; tar -cf x.tar x; strata apply x.tar").Trim();
        Assert.Equal($"Removed layer {chain}\n", cli.Run("rm", chain[7..17]));
    }

    [Fact]
    public void Bash_completes_verbs_and_options()
    {
        using var cli = new Cli();
        string complete(string line) => cli.Shell(
            $"export PATH=\"$(dirname '{Cli.Program}'):$PATH\"; unset -f strata; source <('{Cli.Program}' completion bash); COMP_LINE='{line}'; COMP_POINT=${{#COMP_LINE}}; COMP_WORDS=($COMP_LINE); COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1)); _strata; printf '%s\\n' \"${{COMPREPLY[@]}}\"");
        Assert.Equal("commit\ncompletion\n", complete("strata com"));
        Assert.Contains("--platform", complete("strata load --pl"), StringComparison.Ordinal);
        foreach (string shell in new[] { "zsh", "fish" })
            Assert.Contains("strata", cli.Run("completion", shell), StringComparison.Ordinal);
        cli.Fail(2, "completion", "tcsh");
    }

    [Fact]
    public void Standard_input_and_output_are_pipes()
    {
        using var cli = new Cli("overlay");
        string file = cli.Layout(Cli.Image(files: 200));
        cli.Shell($"strata load < '{file}' && gzip -c '{file}' | strata load - -t packed:1 && cat '{file}' | strata load");
        Assert.Equal(2, cli.Json("images")[0].GetProperty("names").GetArrayLength());
        Assert.Equal(1, int.Parse(cli.Shell("strata save test:1 2> errors | head -c 10 > /dev/null; echo ${PIPESTATUS[0]}"), System.Globalization.CultureInfo.InvariantCulture));
        Assert.Equal("", File.ReadAllText(cli.Scratch["errors"]));
        Assert.Equal("", cli.Shell($"strata load '{file}' 2>&1 > /dev/null")); // no progress bars, nothing
        Assert.Matches("^strata [0-9.]+\nnext\n$", cli.Shell($"('{Cli.Program}' --version; echo next) > out; cat out"));
    }

    [Fact]
    public void Output_files_are_whole_or_as_they_were()
    {
        using var cli = new Cli("vfs");
        cli.Run("load", cli.Layout(Cli.Image(files: 2000)));
        string point = cli.Scratch.MountTmpfs("small", "size=1m");
        Assert.Contains("small", cli.Fail(8, "save", "test:1", "-o", Path.Combine(point, "new.tar")), StringComparison.Ordinal);
        Assert.Empty(Directory.EnumerateFileSystemEntries(point));
        File.WriteAllText(Path.Combine(point, "old.tar"), "old");
        cli.Fail(8, "save", "test:1", "-o", Path.Combine(point, "old.tar"));
        Assert.Equal("old", File.ReadAllText(Path.Combine(point, "old.tar")));
        cli.Fail(3, "diff", "nothing", "-o", Path.Combine(point, "old.tar"));
        Assert.Equal("old", File.ReadAllText(Path.Combine(point, "old.tar")));
        Assert.Contains("is a directory", cli.Fail(2, "save", "test:1", "-o", point), StringComparison.Ordinal);
        Assert.Contains("there is no directory", cli.Fail(3, "save", "test:1", "-o", Path.Combine(point, "none", "new.tar")), StringComparison.Ordinal);
        cli.Run("save", "test:1", "-o", "/dev/null");
        Assert.True(Directory.Exists("/dev") && new FileInfo("/dev/null").Length == 0);
        cli.Run("save", "test:1", "-o", cli.Scratch["whole.tar"]);
        cli.Run("save", "test:1", "-o", cli.Scratch["whole.tar"]);
        Assert.Single(Directory.GetFiles(cli.Scratch.Path, "whole*"));
    }

    [Fact]
    public void Mount_shows_a_layer_at_a_directory()
    {
        using var cli = new Cli("overlay");
        cli.Run("load", cli.Layout(Cli.Image()));
        cli.Run("create", "box", "--from", "test:1");
        string target = cli.Scratch.Make("target");
        cli.Fail(3, "mount", "box", cli.Scratch["none"]);
        Assert.Equal(target + "\n", cli.Run("mount", "box", target));
        Assert.True(File.Exists(Path.Combine(target, "etc/a")));
        cli.Fail(5, "mount", "box", target);
        cli.Run("umount", "box");
        Assert.Empty(Mounts.AtOrBelow(cli.Scratch.Path));
        cli.Run("rm", "box");
    }

    [Fact]
    public void Info_makes_no_store()
    {
        using var cli = new Cli();
        string info = cli.Run("info");
        Assert.Contains("overlay: can serve", info, StringComparison.Ordinal);
        Assert.Contains("would choose: erofs", info, StringComparison.Ordinal);
        Assert.Empty(Directory.EnumerateFileSystemEntries(cli.Scratch.Path));
    }
}
