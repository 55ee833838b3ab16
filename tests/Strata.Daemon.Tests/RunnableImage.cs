using Strata.Testing;

namespace Strata.Daemon.Tests;

/// <summary>An image that can run a shell, of three layers that change what is below.</summary>
internal static class RunnableImage
{
    internal static TestImage Make(string compression, int bigBytes = 0)
    {
        byte[] busybox = File.ReadAllBytes("/bin/busybox");
        var programs = new TarBuilder().Dir("bin").Dir("etc").Dir("tmp", 0x3FF).Dir("proc").Dir("sys").Dir("dev").Raw("bin/busybox"u8.ToArray(), '0', mode: 0x1ED, content: busybox);
        foreach (string name in (string[])["sh", "cat", "dd", "ls", "rm", "sleep", "mkdir", "echo", "hostname", "id", "stat"])
            programs.Symlink("bin/" + name, "busybox");
        return new TestImage()
            .Layer(programs, compression)
            .Layer(new TarBuilder().Dir("etc").File("etc/one", "one\n").File("etc/gone", "gone\n").File("etc/owned", "owned\n", 0x180, uid: 1000, gid: 1001).Dir("opaque").File("opaque/old", "old\n"), compression)
            .Layer(new TarBuilder().Dir("etc").Whiteout("etc/gone").File("etc/two", "two\n").Dir("opaque").Opaque("opaque").File("opaque/new", "new\n").Raw("big"u8.ToArray(), '0', content: new byte[bigBytes]), compression);
    }
}
