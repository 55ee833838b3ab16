using Strata.Testing;

namespace Strata.EndToEnd.Tests;

/// <summary>A nearly full disk whose blocks are smaller than a page, where SQLite's mapping of a file with holes ends the process (SIGBUS).</summary>
public sealed class SmallBlockTests
{
    private const int BlockBytes = 1024;
    private const int Full = 8, NotFound = 3;

    [Fact]
    public void No_command_is_killed_while_the_last_blocks_go()
    {
        Assert.SkipUnless(Environment.IsPrivilegedProcess, "needs root: it mounts");
        using var cli = new Cli("overlay");
        string image = cli.Scratch["disk.img"];
        using (var file = File.Create(image))
            file.SetLength(64 << 20);
        Commands.Run("mkfs.ext4", "-q", "-F", "-b", $"{BlockBytes}", "-m", "0", image);
        string disk = cli.Scratch.Make("disk");
        Commands.Run("mount", "-o", "loop", image, disk);
        cli.Root = Path.Combine(disk, "store");
        string tar = cli.Scratch["root.tar"];
        File.WriteAllBytes(tar, new TarBuilder().Dir("etc").File("etc/name", "x").ToArray());
        cli.Run("import", tar, "-t", "small:1");
        bool anyFull = false;
        for (int blocks = 44; blocks >= 22; blocks -= 2)
        {
            // What is kept for removing would be given up first: here it is gone already.
            Directory.Delete(Path.Combine(cli.Root, "reserve"), recursive: true);
            string ballast = Path.Combine(disk, "ballast");
            File.Delete(ballast);
            Commands.Run("sync", "-f", disk);
            using (var file = new FileStream(ballast, FileMode.CreateNew, FileAccess.Write, FileShare.None, 0))
            {
                byte[] many = new byte[BlockBytes * 256], one = new byte[BlockBytes];
                for (long free = Free(disk); free > blocks; free = Free(disk))
                    file.Write(free > blocks + 600 ? many : one);
            }
            foreach (string[] command in (string[][])[["images"], ["create", $"box{blocks}", "--from", "small:1"], ["rm", $"box{blocks}"]])
            {
                var (code, output, error) = cli.Try(command);
                Assert.True(code is 0 or Full or NotFound, $"strata {command[0]} with {blocks} blocks: {code}\n{output}{error}");
                anyFull |= code == Full;
            }
            File.Delete(ballast);
            cli.Run("images"); // makes again what is kept for removing
        }
        Assert.True(anyFull, "the disk was never full");
        Assert.Contains("small:1", cli.Run("images"), StringComparison.Ordinal);
    }

    private static long Free(string disk) => new DriveInfo(disk).AvailableFreeSpace / BlockBytes;
}
