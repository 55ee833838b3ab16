using System.Diagnostics;
using Strata.Testing;

namespace Strata.EndToEnd.Tests;

/// <summary>Removed layers are deleted by a process that nobody waits for.</summary>
public sealed class TrashTests
{
    [Theory, InlineData("overlay"), InlineData("vfs")]
    public void Removing_waits_for_no_deleting_and_what_is_left_goes_with_a_later_command(string driver)
    {
        using var cli = new Cli(driver);
        cli.Environment["STRATA_WAIT"] = "0";
        string trash = Path.Combine(cli.Root, driver, ".trash");
        cli.Run("load", cli.Layout(Cli.Image(files: 500)));
        using (var locked = Process.Start(new ProcessStartInfo("flock", [trash, "sleep", "1000"]))!)
        {
            try
            {
                Eventually(() => Commands.TryRun("flock", "-n", trash, "true").ExitCode != 0, "the trash is not locked");
                cli.Run("rm", "localhost/test:1"); // its output was read to the end, so nothing keeps it open
                Assert.NotEmpty(Directory.GetFileSystemEntries(trash));
                Assert.Equal(0, cli.Json("layers").GetArrayLength());
                Assert.Contains("A removed layer that is not deleted yet", cli.Run("check"), StringComparison.Ordinal);
                cli.Run("load", cli.Layout(Cli.Image())); // nothing else is held up
            }
            finally
            {
                Commands.Run("pkill", "-P", locked.Id.ToString(System.Globalization.CultureInfo.InvariantCulture));
                locked.WaitForExit();
            }
        }
        Assert.NotEmpty(Directory.GetFileSystemEntries(trash));
        cli.Run("images");
        Eventually(() => Directory.GetFileSystemEntries(trash).Length == 0, "nobody emptied the trash");
        cli.Run("check");
    }

    [Fact]
    public void Waiting_can_be_asked_for_and_a_killed_deleter_leaves_the_rest_to_the_next()
    {
        using var cli = new Cli("vfs");
        cli.Environment["STRATA_WAIT"] = "0";
        string trash = Path.Combine(cli.Root, "vfs", ".trash");
        cli.Run("load", cli.Layout(Cli.Image(files: 500)));
        cli.Run("rm", "localhost/test:1", "--wait");
        Assert.Empty(Directory.GetFileSystemEntries(trash));
        for (int i = 0; i < 20; i++)
            Directory.CreateDirectory(Path.Combine(trash, $"{i}", "some", "thing"));
        for (int i = 0; i < 4000; i++)
            File.WriteAllText(Path.Combine(trash, $"{i % 20}", "some", $"file{i}"), "");
        using (var deleter = cli.Start("empty-trash"))
        {
            Eventually(() => Directory.GetFileSystemEntries(trash).Length < 20 || deleter.HasExited, "it deletes nothing");
            deleter.Kill();
            deleter.WaitForExit();
        }
        cli.Run("empty-trash");
        Assert.Empty(Directory.GetFileSystemEntries(trash));
    }

    [Fact]
    public void What_the_command_was_told_by_its_environment_does_not_keep_the_files()
    {
        using var cli = new Cli("vfs");
        cli.Environment["STRATA_WAIT"] = "0";
        cli.Run("load", cli.Layout(Cli.Image(files: 500)));
        cli.Environment["STRATA_API"] = cli.Scratch["no.sock"];
        cli.Environment["STRATA_SHARED_STORES"] = cli.Scratch["nowhere"];
        cli.Run("rm", "localhost/test:1", "--api-socket", "");
        Eventually(() => Directory.GetFileSystemEntries(Path.Combine(cli.Root, "vfs", ".trash")).Length == 0, "nobody emptied the trash");
    }

    private static void Eventually(Func<bool> happened, string otherwise)
    {
        var since = Stopwatch.StartNew();
        while (!happened())
        {
            Assert.True(since.Elapsed < TimeSpan.FromSeconds(60), otherwise);
            Thread.Sleep(20);
        }
    }
}
