using Microsoft.Data.Sqlite;
using Strata.Testing;

namespace Strata.Store.Tests;

/// <summary>Layers that are applied before a snapshot asks for them.</summary>
public sealed class AheadTests
{
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_layer_that_cannot_be_adopted_stays_the_callers_and_the_snapshot_empty(bool full)
    {
        using var scratch = new ScratchDirectory();
        string point = scratch.MountTmpfs("fs", "size=64m,nr_inodes=1000");
        using var rig = new StoreRig("erofs", Path.Combine(point, "store"));
        var snapshots = rig.Store.Snapshots;
        var mounts = snapshots.Prepare("work");
        string before = rig.State();
        var ahead = snapshots.ApplyAhead(StoreRig.Input(StoreRig.Tar(1)));
        using (full ? UseUpInodes(Path.Combine(point, "ballast")) : RefuseChanges(rig.Root))
        {
            var e = Assert.ThrowsAny<StrataException>(() => snapshots.Adopt(mounts, ahead));
            Assert.True(e.Kind == (full ? ErrorKind.Exhausted : ErrorKind.FailedPrecondition), $"{e.Kind}: {e.Message}");
            Assert.Equal(2, rig.Store.Driver.List().Count);
            ahead.Dispose();
            Assert.Equal(before, rig.State());
        }
        using (var again = snapshots.ApplyAhead(StoreRig.Input(StoreRig.Tar(1))))
            Assert.Equal(StoreRig.DiffIdOf(StoreRig.Tar(1)), snapshots.Adopt(mounts, again)!.DiffId);
        snapshots.Commit("done", "work");
        Assert.Single(rig.Store.Driver.List());
        Assert.Empty(rig.Store.Check(new CheckOptions { Deep = true }).Findings);
    }

    private static Ending UseUpInodes(string directory)
    {
        Directory.CreateDirectory(directory);
        Assert.Throws<IOException>((Action)(() =>
        {
            for (int i = 0; ; i++)
                File.WriteAllText(Path.Combine(directory, $"{i}"), "");
        }));
        return new Ending(() => Directory.Delete(directory, recursive: true));
    }

    /// <summary>The metadata refuses to change a snapshot.</summary>
    private static Ending RefuseChanges(string root)
    {
        Execute("CREATE TRIGGER refused_i BEFORE INSERT ON snapshots BEGIN SELECT RAISE(ABORT, 'refused'); END; CREATE TRIGGER refused_u BEFORE UPDATE ON snapshots BEGIN SELECT RAISE(ABORT, 'refused'); END");
        return new Ending(() => Execute("DROP TRIGGER refused_i; DROP TRIGGER refused_u"));

        void Execute(string text)
        {
            using var connection = new SqliteConnection($"Data Source={Path.Combine(root, "strata.db")};Pooling=false");
            connection.Open();
            using var command = connection.CreateCommand();
            command.CommandText = text;
            command.ExecuteNonQuery();
        }
    }

    private sealed class Ending(Action end) : IDisposable
    {
        public void Dispose() => end();
    }
}
