namespace Strata.Daemon.Containerd;

/// <summary>Mounts as containerd's messages have them, and back.</summary>
internal static class WireMounts
{
    internal static IEnumerable<Wire.Mount> ToWire(this IEnumerable<Mount> mounts) => mounts.Select(mount =>
    {
        var wire = new Wire.Mount { Type = mount.Type, Source = mount.Source, Target = mount.Target };
        wire.Options.AddRange(mount.Options);
        return wire;
    });

    internal static Mount[] ToMounts(this IEnumerable<Wire.Mount> mounts) => mounts.Select(m => new Mount(m.Type, m.Source, m.Target, [.. m.Options])).ToArray();
}
