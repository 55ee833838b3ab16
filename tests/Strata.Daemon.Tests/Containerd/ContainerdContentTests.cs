using System.Text.Json;
using Grpc.Core;
using Strata.Daemon.Containerd.Wire;
using Strata.Testing;

namespace Strata.Daemon.Tests.Containerd;

/// <summary>The differ against the content store of Debian's containerd.</summary>
public sealed class ContainerdContentTests
{
    [Theory]
    [InlineData("overlay", false)]
    [InlineData("erofs", false)]
    [InlineData("erofs", true)]
    public async Task The_differ_reads_and_writes_containerds_content_store(string driver, bool ahead)
    {
        ContainerdRig.Require();
        using var rig = new ContainerdRig(driver, ahead ? ["--containerd-ahead"] : []);
        rig.Ctr("images", "import", "--no-unpack", rig.WriteImage(bigBytes: 5 << 20));
        using var manifest = JsonDocument.Parse(rig.Ctr("content", "get", rig.Ctr("images", "ls").Split('\n').Single(l => l.StartsWith(ContainerdRig.Image, StringComparison.Ordinal)).Split(' ', StringSplitOptions.RemoveEmptyEntries)[2]));
        using var channel = SnapshotRig.Connect(rig.Socket);
        var snapshots = new Snapshots.SnapshotsClient(channel);
        var differ = new Diff.DiffClient(channel);
        var headers = new Metadata { { "containerd-namespace", rig.Namespace } };
        string parent = "";
        foreach (var layer in manifest.RootElement.GetProperty("layers").EnumerateArray())
        {
            string digest = layer.GetProperty("digest").GetString()!;
            var apply = new ApplyRequest { Diff = new BlobDescriptor { MediaType = layer.GetProperty("mediaType").GetString(), Digest = digest, Size = layer.GetProperty("size").GetInt64() } };
            apply.Mounts.AddRange((await snapshots.PrepareAsync(new PrepareSnapshotRequest { Key = "extract " + digest, Parent = parent })).Mounts);
            await differ.ApplyAsync(apply, headers);
            await snapshots.CommitAsync(new CommitSnapshotRequest { Key = "extract " + digest, Name = digest });
            parent = digest;
        }
        string seen = rig.Scratch.Make("seen");
        foreach (var mount in (await snapshots.PrepareAsync(new PrepareSnapshotRequest { Key = "box", Parent = parent })).Mounts)
            ClientMounts.Perform(mount, seen);
        Assert.Equal(5 << 20, new FileInfo(Path.Combine(seen, "big")).Length);
        Assert.False(File.Exists(Path.Combine(seen, "etc/gone")));
        File.WriteAllText(Path.Combine(seen, "written"), "by the box");
        Commands.Run("umount", seen);

        var difference = new DiffRequest { MediaType = "application/vnd.oci.image.layer.v1.tar+gzip" };
        difference.Left.AddRange((await snapshots.ViewAsync(new ViewSnapshotRequest { Key = "below", Parent = parent })).Mounts);
        difference.Right.AddRange((await snapshots.MountsAsync(new MountsRequest { Key = "box" })).Mounts);
        var written = (await differ.DiffAsync(difference, headers)).Diff;
        Assert.Contains(written.Digest, rig.Ctr("content", "ls"), StringComparison.Ordinal);
        File.WriteAllBytes(rig.Scratch["diff.tgz"], rig.CtrBytes( "content", "get", written.Digest));
        Assert.Equal("written", Commands.Run("tar", "-tzf", rig.Scratch["diff.tgz"]).Split('\n', StringSplitOptions.RemoveEmptyEntries).Last());
        Assert.Equal(written.Digest, (await differ.DiffAsync(difference, headers)).Diff.Digest); // the same is there already
        foreach (string key in (string[])["box", "below"])
            await snapshots.RemoveAsync(new RemoveSnapshotRequest { Key = key });
        Assert.Empty(Mounts.AtOrBelow(rig.Scratch["store/erofs"])); // nothing is held any more
    }
}
