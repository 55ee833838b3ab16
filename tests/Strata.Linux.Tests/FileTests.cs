using Strata.Testing;

namespace Strata.Linux.Tests;

public sealed class FileTests
{
    [Fact]
    public void Reads_writes_and_syncs()
    {
        using var scratch = new ScratchDirectory();
        using var file = FileCalls.Open(scratch["f"], OpenFlags.ReadWrite | OpenFlags.Create | OpenFlags.Exclusive, 0x180);
        Assert.Equal(Errno.None, FileCalls.TryWriteAll(file.Number, "hello"u8));
        Assert.Equal(Errno.None, FileCalls.TryWriteAllAt(file.Number, "J"u8, 0));
        byte[] buffer = new byte[10];
        Assert.Equal(4, FileCalls.ReadAt(file, buffer, 1));
        Assert.Equal("ello"u8.ToArray(), buffer[..4]);
        Assert.Equal(0, FileCalls.Read(file, buffer)); // the offset stands at the end
        Assert.Equal(Errno.None, FileCalls.TryTruncate(file.Number, 2));
        Assert.Equal(Errno.None, FileCalls.TryAllocate(file.Number, 0, 8192));
        Assert.Equal(8192, AttributeCalls.Stat(file).SizeBytes);
        FileCalls.SyncData(file);
        FileCalls.Sync(file);
        FileCalls.SyncFileSystem(file);
        FileCalls.SyncDirectory(scratch.Path);
    }

    [Fact]
    public void Holes_get_room_and_the_file_stays_as_it_was()
    {
        using var scratch = new ScratchDirectory();
        using var file = FileCalls.Open(Path.Combine(scratch.MountTmpfs("t", "size=1m"), "f"), OpenFlags.ReadWrite | OpenFlags.Create, 0x180);
        var (blockBytes, before) = FileCalls.Room(file);
        Assert.Equal(4096, blockBytes);
        Assert.Equal(Errno.None, FileCalls.TryTruncate(file.Number, 3));
        Assert.Equal(Errno.None, FileCalls.TryAllocateHoles(file.Number, 128 << 10));
        Assert.Equal(3, AttributeCalls.Stat(file).SizeBytes);
        Assert.Equal(128 << 10, before - FileCalls.Room(file).AvailableBytes);
        Assert.Equal(Errno.ENOSPC, FileCalls.TryAllocateHoles(file.Number, 2 << 20));
    }

    [Fact]
    public void The_magic_number_tells_the_file_system()
    {
        using var scratch = new ScratchDirectory();
        using var tmpfs = FileCalls.Open(scratch.MountTmpfs("t", "size=1m"), OpenFlags.ReadOnly | OpenFlags.Directory);
        Assert.Equal(0x01021994, FileCalls.FileSystemMagic(tmpfs));
        using var proc = FileCalls.Open("/proc", OpenFlags.ReadOnly | OpenFlags.Directory);
        Assert.Equal(0x9FA0, FileCalls.FileSystemMagic(proc));
    }

    [Fact]
    public void Holes_are_found()
    {
        using var scratch = new ScratchDirectory();
        using var file = FileCalls.Open(scratch["f"], OpenFlags.ReadWrite | OpenFlags.Create, 0x180);
        Assert.Equal(Errno.None, FileCalls.TryTruncate(file.Number, 10 << 20));
        Assert.False(FileCalls.FindData(file, 0, 10 << 20, out _));
        Assert.Equal(Errno.None, FileCalls.TryWriteAllAt(file.Number, new byte[4096], 1 << 20));
        Assert.True(FileCalls.FindData(file, 0, 10 << 20, out var extent));
        Assert.Equal(new DataExtent(1 << 20, 4096), extent);
        Assert.False(FileCalls.FindData(file, (1 << 20) + 4096, 10 << 20, out _));
    }

    [Theory]
    [InlineData("ext4", Errno.EOPNOTSUPP)]
    [InlineData("btrfs", Errno.None)]
    public void Clones_where_the_file_system_can(string type, Errno expected)
    {
        using var scratch = new ScratchDirectory();
        string mounted = scratch.MountLoop("fs", type, 200);
        byte[] data = new byte[100_000];
        new Random(3).NextBytes(data);
        File.WriteAllBytes(Path.Combine(mounted, "a"), data);
        using var source = FileCalls.Open(Path.Combine(mounted, "a"), OpenFlags.ReadOnly);
        using (var b = FileCalls.Open(Path.Combine(mounted, "b"), OpenFlags.WriteOnly | OpenFlags.Create, 0x180))
            Assert.Equal(expected, CopyCalls.TryClone(source, b));
        using (var c = FileCalls.Open(Path.Combine(mounted, "c"), OpenFlags.WriteOnly | OpenFlags.Create, 0x180))
            Assert.Equal(expected, CopyCalls.TryCloneRange(source, new DataExtent(4096, 8192), c, 0));
        if (expected != Errno.None)
            return;
        Assert.Equal(data, File.ReadAllBytes(Path.Combine(mounted, "b")));
        Assert.Equal(data[4096..(4096 + 8192)], File.ReadAllBytes(Path.Combine(mounted, "c")));
    }

    [Fact]
    public void Copies_inside_and_between_file_systems_and_into_pipes()
    {
        using var scratch = new ScratchDirectory();
        string other = scratch.MountTmpfs("t", "size=10m");
        byte[] data = new byte[300_000];
        new Random(4).NextBytes(data);
        File.WriteAllBytes(scratch["a"], data);
        using var source = FileCalls.Open(scratch["a"], OpenFlags.ReadOnly);
        byte[] buffer = new byte[10_000];
        foreach (string target in new[] { scratch["b"], Path.Combine(other, "b") })
        {
            using (var copy = FileCalls.Open(target, OpenFlags.WriteOnly | OpenFlags.Create, 0x180))
            {
                Assert.Equal(Errno.None, CopyCalls.TryCopyRange(source, copy, new DataExtent(100_000, 200_000), buffer));
                Assert.Equal(Errno.None, CopyCalls.TryCopyRange(source, copy, new DataExtent(0, 100_000), buffer));
            }
            Assert.Equal(data, File.ReadAllBytes(target));
        }
        using (var sent = FileCalls.Open(scratch["c"], OpenFlags.WriteOnly | OpenFlags.Create, 0x180))
        {
            Assert.Equal(Errno.None, CopyCalls.TrySend(source, new DataExtent(5, 1_000_000), sent, out long count));
            Assert.Equal(data.Length - 5, count);
        }
        Assert.Equal(data[5..], File.ReadAllBytes(scratch["c"]));
    }

    [Fact]
    public void A_stream_takes_a_descriptor_over()
    {
        using var scratch = new ScratchDirectory();
        File.WriteAllText(scratch["f"], "text");
        var file = FileCalls.Open(scratch["f"], OpenFlags.ReadOnly);
        using var stream = new StreamReader(FileStreams.OpenRead(file));
        Assert.True(file.IsInvalid || file.IsClosed);
        Assert.Equal("text", stream.ReadToEnd());
    }

    [Fact]
    public void Locks_exclude_each_other()
    {
        using var scratch = new ScratchDirectory();
        using (FileLock.Acquire(scratch["lock"]))
        {
            Assert.Null(FileLock.TryAcquire(scratch["lock"]));
            Assert.Null(FileLock.TryAcquire(scratch["lock"], shared: true));
        }
        using (FileLock.Acquire(scratch["lock"], shared: true))
        using (var second = FileLock.TryAcquire(scratch["lock"], shared: true))
        {
            Assert.NotNull(second);
            Assert.Null(FileLock.TryAcquire(scratch["lock"]));
        }
        using var free = FileLock.TryAcquire(scratch["lock"]);
        Assert.NotNull(free);
    }

    [Fact]
    public void The_process_knows_itself()
    {
        Assert.Equal(Commands.Run("id", "-u").Trim(), ProcessCalls.UserId.ToString());
        Assert.Equal(Commands.Run("id", "-g").Trim(), ProcessCalls.GroupId.ToString());
        Assert.Equal(Convert.ToInt32(Commands.Run("sh", "-c", "umask").Trim(), 8), ProcessCalls.Umask);
        Assert.Equal(ProcessCalls.UserId == 0, ProcessCalls.CanOwn);
        ProcessCalls.RaiseOpenFileLimit();
        string[] limits = File.ReadLines("/proc/self/limits").First(l => l.StartsWith("Max open files", StringComparison.Ordinal)).Split(' ', StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal(limits[4], limits[3]);
    }
}
