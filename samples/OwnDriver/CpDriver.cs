using System.Diagnostics;
using Strata;
using Strata.Drivers;
using Strata.Trees;

namespace OwnDriver;

/// <summary>A driver in a page: each layer is a copy of its parent, made by cp. The small interface is all; the rest comes from <see cref="ProtoDriver"/> and <see cref="NaiveDiffDriver"/>.</summary>
internal sealed class CpDriver(string home) : ProtoDriver("cp", home)
{
    public override DriverCapabilities Capabilities { get; } = new();

    public override bool Exists(LayerId id) => Directory.Exists(PathOf(id));

    public override IReadOnlyList<LayerId> List() => NamedBy(Directory.EnumerateDirectories(Home));

    public override IReadOnlyList<StatusItem> GetStatus() => [new StatusItem("Copies by", "cp -a")];

    public override IReadOnlyDictionary<string, string> GetMetadata(LayerId id) => new Dictionary<string, string> { ["Directory"] = PathOf(id) };

    public override Usage GetUsage(LayerId id, CancellationToken cancellationToken = default)
    {
        using var root = RootDirectory.Open(PathOf(id));
        return TreeUsage.Measure(root, cancellationToken);
    }

    public override IReadOnlyList<Mount> GetMounts(LayerId id, MountRequest request)
    {
        RequireExists(id);
        return [new Mount("bind", PathOf(id), "", request.ReadOnly ? ["rbind", "ro"] : ["rbind", "rw"])];
    }

    protected override string MountPointOf(LayerId id) => PathOf(id);

    protected override void CreateLayer(LayerId id, LayerId? parent, CreateOptions options, bool writable)
    {
        // Built beside its place and renamed: whole or absent, also after a crash. A dot keeps what is unfinished from being taken for a layer.
        string unfinished = Path.Combine(Home, $".{id}");
        if (Directory.Exists(unfinished))
            Directory.Delete(unfinished, recursive: true);
        if (parent is { } below)
        {
            using var cp = Process.Start("cp", ["-a", "--reflink=auto", PathOf(below), unfinished]);
            cp.WaitForExit();
            if (cp.ExitCode != 0)
                throw StrataException.FailedPrecondition($"cp could not copy layer {below}: exit code {cp.ExitCode}.");
        }
        else
        {
            Directory.CreateDirectory(unfinished);
        }
        Directory.Move(unfinished, PathOf(id));
    }

    protected override void RemoveLayer(LayerId id) => MoveToTrash(PathOf(id));

    private string PathOf(LayerId id) => Path.Combine(Home, id.ToString());
}
