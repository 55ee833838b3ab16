using Strata.Linux;
using Strata.Trees;

namespace Strata.Drivers.Erofs;

/// <content>Indexes that stay mounted for mounts which others perform, from <see cref="AcquireMounts"/> to <see cref="ReleaseMounts"/>.</content>
public sealed partial class ErofsDriver
{
    /// <inheritdoc/>
    /// <remarks>
    /// What a holder has stands in a file before it is mounted, so that a process that ends leaves nothing that nobody lets go, and sweeping leaves
    /// it alone. A layer that one index shows is a bind mount of that: the index itself would need an option for each tar, more than mount(2) takes.
    /// </remarks>
    public override IReadOnlyList<Mount> AcquireMounts(LayerId id, LayerId holder, MountRequest request)
    {
        RequireExists(id);
        _images.RefuseElsewhere(id);
        if (!_layout.IsApplied(id))
            EnsureUpper(id);
        var stack = StackOf(id);
        var shared = stack.Where(lower => lower.Kind != LowerKind.Directory).ToArray();
        if (shared.Length == 0)
            return GetMounts(id, request);
        WhileStill(holder, _ =>
        {
            WriteHold(holder, shared);
            foreach (var lower in shared)
                MountsOf(lower).Acquire(lower.Id, holder, point => Mounter.Mount([IndexMount(lower)], point));
        });
        return stack.Count == 1 ? [new Mount("bind", PathOf(stack[0]), "", ["rbind", "ro"])] : GetMounts(id, request);
    }

    /// <inheritdoc/>
    public override void ReleaseMounts(LayerId holder)
    {
        if (!IsHeld(holder))
            return;
        WhileStill(holder, mounted =>
        {
            var held = ReadHold(holder);
            File.Delete(HoldOf(holder));
            if (mounted)
                return; // its last Put lets them go
            foreach (var (mounts, lower) in held)
                mounts.Release(lower, holder);
        });
    }

    private string HoldOf(LayerId holder) => Path.Combine(_layout.Holds, holder.ToString());

    private bool IsHeld(LayerId id) => File.Exists(HoldOf(id));

    private bool IsAlive(LayerId user) => IsHeld(user) || IsInUse(user);

    /// <summary>Adds to what a holder has. A line that a crash cuts off names nothing.</summary>
    private void WriteHold(LayerId holder, Lower[] shared)
    {
        string[] old = IsHeld(holder) ? File.ReadAllLines(HoldOf(holder)) : [];
        string[] all = old.Union(shared.Select(lower => $"{(lower.Kind == LowerKind.Chain ? "chains" : "lowers")}/{lower.Id}")).ToArray();
        if (all.Length == old.Length)
            return;
        Directory.CreateDirectory(_layout.Holds, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        File.WriteAllLines(HoldOf(holder), all);
    }

    private List<(SharedMounts Mounts, LayerId Lower)> ReadHold(LayerId holder)
    {
        var held = new List<(SharedMounts, LayerId)>();
        if (!IsHeld(holder))
            return held;
        foreach (string line in File.ReadAllLines(HoldOf(holder)))
        {
            if (line.Split('/') is [var kind and ("lowers" or "chains"), var name] && LayerId.TryParse(name, out var lower))
                held.Add((kind == "chains" ? _chains : _lowers, lower));
        }
        return held;
    }

    /// <inheritdoc/>
    /// <remarks>Of an applied layer the index is made again: what it says of links and removals depends on what lies below.</remarks>
    public void Rebase(LayerId id, LayerId parent)
    {
        RequireExists(id);
        RequireExists(parent);
        if (ParentOf(id) is { } old)
        {
            if (old == parent)
                return;
            throw StrataException.FailedPrecondition($"Layer {id} is on {old}: it can't be put on {parent}.");
        }
        using var locked = FileLock.Acquire(_layout.Lock(id));
        _bases.TryRemove(id, out _);
        foreach (string cache in new[] { _layout.Index(id), _layout.Side(id), _layout.Chain(id) })
            TreeRemover.Remove(cache);
        string lowers = string.Concat(_layout.ReadLowers(parent).Prepend(parent).Select(lower => lower + "\n"));
        DurableFile.Write(_layout.LowerFile(id), _layout.LowerFile(id) + ".new", System.Text.Encoding.ASCII.GetBytes(lowers));
    }
}
