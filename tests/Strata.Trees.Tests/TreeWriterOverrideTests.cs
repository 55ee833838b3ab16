using Strata.Linux;
using Strata.Testing;
using static Strata.Testing.TestEntry;

namespace Strata.Trees.Tests;

/// <summary>What those who are not root write, on a file system that has user attributes.</summary>
public sealed class TreeWriterOverrideTests
{
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Owners_modes_and_devices_are_kept_in_attributes(bool populated)
    {
        using var harness = new WriterHarness(populated) { Ownership = Ownership.Override };
        Commands.Run("chmod", "755", harness.Scratch.Path);
        Commands.Run("chown", $"{Unprivileged.User}:{Unprivileged.User}", harness.Tree);
        Unprivileged.Run(() => harness.Write(
            Directory("", 755, 0, 0),
            Directory("etc", 555, 5, 6),
            File("etc/shadow", "secret", 0, 0, 42),
            File("etc/sudo", "x", 4755, 0, 0),
            File("etc/caps", "x", 755, 0, 0, null, Xattr("trusted.x", "needs root"), Xattr("user.y", "1")),
            Node("null", EntryKind.CharDevice, 666, 1, 3),
            Node("pipe", EntryKind.Fifo, 600),
            Symlink("link", "etc", 7, 7),
            HardLink("hard", "etc/shadow"),
            File("implied/f", "x")));
        Assert.Equal(
            """
            / d 0755 0:0:0755:dir
            /etc d 0755 5:6:0555:dir
            /etc/caps f 0755 0:0:0755:file user.y
            /etc/shadow f 0600 0:42:00:file
            /etc/sudo f 0755 0:0:04755:file
            /hard =/etc/shadow
            /implied d 0755 0:0:0755:dir
            /implied/f f 0644 0:0:0644:file
            /link l 0777
            /null f 0600 0:0:0666:char-1-3
            /pipe f 0600 0:0:0600:pipe
            """,
            string.Join('\n', TreeDump.Lines(harness.Tree, times: false).Select(Shorten)));
        Assert.All(TreeDump.Lines(harness.Tree), line => Assert.True(line.Contains($" {Unprivileged.User}:{Unprivileged.User} ", StringComparison.Ordinal) || line.Contains('='), line));
    }

    [Fact]
    public void What_was_written_reads_back_as_the_layer_had_it()
    {
        using var harness = new WriterHarness { Ownership = Ownership.Override };
        TestEntry[] entries = [Directory("d", 511, 1, 2), File("d/f", "x", 4001, 3, 4), Node("d/n", EntryKind.BlockDevice, 640, 8, 17, 5, 6), Node("d/p", EntryKind.Fifo, 0, 0, 0, 9, 9)];
        harness.Write(entries);
        using var root = RootDirectory.Open(harness.Tree);
        var reader = new EntryReader(EntryReader.HostIndependent, useOverrides: true);
        foreach (var expected in entries.Select(e => e.Entry))
        {
            Assert.Equal(Errno.None, RootedCalls.TryOpenInRoot(root.File.Number, expected.Path.ParentBytes, OpenFlags.Path | OpenFlags.Directory, 0, out var parent));
            using (parent)
            {
                Assert.Equal(Errno.None, AttributeCalls.TryStat(parent!.Number, expected.Path.Name, out var status));
                var read = reader.Read(parent.Number, expected.Path.Name, status, expected.Path);
                Assert.Equal(
                    (expected.Kind, expected.Mode, expected.Uid, expected.Gid, expected.DeviceMajor, expected.DeviceMinor, expected.Mtime, expected.SizeBytes),
                    (read.Kind, read.Mode, read.Uid, read.Gid, read.DeviceMajor, read.DeviceMinor, read.Mtime, read.SizeBytes));
                Assert.Empty(read.Xattrs);
            }
        }
    }

    private static string Shorten(string line)
    {
        string[] fields = line.Split(' ');
        if (fields[1][0] == '=')
            return line;
        var shown = fields[..3].ToList();
        foreach (string field in fields.Skip(4).Where(f => f.Contains("=0x", StringComparison.Ordinal)))
        {
            string[] parts = field.Split("=0x");
            shown.Add(parts[0] == "user.containers.override_stat" ? System.Text.Encoding.ASCII.GetString(Convert.FromHexString(parts[1])) : parts[0]);
        }
        return string.Join(' ', shown);
    }
}
