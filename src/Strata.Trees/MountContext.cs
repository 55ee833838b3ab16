using System.Text;
using Strata.Linux;

namespace Strata.Trees;

/// <summary>A mount in the making, by the mount API of Linux 5.2: options one by one, then the file system, then a mount of it.</summary>
/// <remarks>The kernel looks paths up when the file system is made, so what they go through is held open until this is disposed.</remarks>
internal sealed class MountContext : IDisposable
{
    private static volatile bool _pathsOnly;

    [ThreadStatic]
    private static bool _attachedOnly;
    private readonly Mount _mount;
    private readonly IdMapping? _mapping;
    private readonly string _target;
    private readonly FileDescriptor _context;
    private readonly List<IDisposable> _held = [];
    private readonly List<IDisposable> _copies = [];
    private bool _overDetached;
    private bool _overMapped;
    private bool _attach;

    private MountContext(Mount mount, string target, FileDescriptor context) =>
        (_mount, _target, _context, _mapping) = (mount, target, context, IdMappedMounts.FindIn(mount));

    /// <summary>For tests: act as a kernel before 6.13 does, which takes no descriptors.</summary>
    internal static void UsePathsOnly(bool on) => _pathsOnly = on;

    /// <summary>For tests: act, on this thread, as a kernel before 6.15 does, whose overlay takes no mounts that are attached nowhere.</summary>
    internal static void UseAttachedOnly(bool on) => _attachedOnly = on;

    /// <summary>EROFS of a kernel that mounts block devices only (before 6.12): source and devices by loop devices. All or none: over a mixture kernels from 6.12 on used freed memory, until that was mended in 2025.</summary>
    private bool ByLoop => _mount.Type == "erofs" && _mount.Options.Contains("loop");

    /// <summary>Makes a mount, attached nowhere, with all its options; where the kernel takes no mapped directories that are attached nowhere, over attached ones.</summary>
    /// <param name="mount">What is mounted.</param>
    /// <param name="target">Where it will be, for messages.</param>
    /// <param name="lowers">Lower directories that are open.</param>
    /// <param name="finish">Does what is left to do; its failure is told with the kernel's log.</param>
    public static FileDescriptor Make(Mount mount, string target, IReadOnlyList<RootDirectory> lowers, Func<FileDescriptor, Errno>? finish = null)
    {
        bool attached = _attachedOnly;
        while (true)
        {
            using var context = Open(mount, target);
            context._attach = attached;
            FileDescriptor? made = null;
            try
            {
                context.SetOptions(lowers);
                made = context.Make();
                context.Check(finish?.Invoke(made) ?? Errno.None);
                return made;
            }
            catch (StrataException e) when (made is null && context._overMapped && !attached && e.InnerException is LinuxException { Errno: Errno.EINVAL })
            {
                attached = true;
            }
            catch
            {
                made?.Dispose();
                throw;
            }
        }
    }

    /// <summary>Begins a mount.</summary>
    /// <param name="mount">What is mounted.</param>
    /// <param name="target">Where it will be, for messages.</param>
    public static MountContext Open(Mount mount, string target)
    {
        Check(MountCalls.TryOpenContext(mount.Type, out var context), mount, target, "");
        return new MountContext(mount, target, context!);
    }

    /// <summary>Passes the source, the options, and lower directories that are open.</summary>
    public void SetOptions(IReadOnlyList<RootDirectory> lowers)
    {
        bool overlay = _mount.Type == "overlay";
        if (lowers.Count > 0 && !overlay)
            throw StrataException.InvalidArgument($"Can't mount {_mount.Type} at {_target}: only an overlay has lower directories.");
        if (!overlay)
            SetFile("source", _mount.Source);
        if (_mount.Type == "erofs") // as always; a loop device that is bound read-only is given to nobody who does not say so
            Check(MountCalls.TrySetFlag(_context, "ro"));
        foreach (string option in _mount.Options)
        {
            int equals = option.IndexOf('=', StringComparison.Ordinal);
            string key = equals < 0 ? option : option[..equals];
            string value = equals < 0 ? "" : option[(equals + 1)..];
            switch (key)
            {
                case "ro" or "rw" or "nosuid" or "nodev" or "noexec": // the mount's, not the file system's
                case "loop" when ByLoop:
                case "directio" when ByLoop: // the loop device's
                    break;
                case "uidmap" or "gidmap" or IdMappedMounts.BelowKey when _mapping is not null: // ours, and done by us
                    break;
                case "lowerdir" when overlay && _mapping is not null:
                    SetMapped([.. OverlayPaths.Split(value)], _mapping);
                    break;
                case "lowerdir" when overlay: // one string is limited to 255 bytes; lowerdir+ takes them one by one (Linux 6.7)
                    foreach (string lower in OverlayPaths.Split(value))
                        SetDirectory("lowerdir+", lower);
                    break;
                case "lowerdir+" or "datadir+" when overlay:
                    SetDirectory(key, value);
                    break;
                case "upperdir" or "workdir" when overlay:
                    SetDirectory(key, OverlayPaths.Unescape(value));
                    break;
                case "device" when _mount.Type == "erofs":
                    SetFile(key, value);
                    break;
                case "context" or "fscontext" or "defcontext" or "rootcontext": // quoted for mount(2), which splits at commas; here nothing splits
                    Check(MountCalls.TrySetString(_context, key, Unquoted(value)));
                    break;
                default:
                    Check(equals < 0 ? MountCalls.TrySetFlag(_context, key) : MountCalls.TrySetString(_context, key, value));
                    break;
            }
        }
        foreach (var lower in lowers)
        {
            _overDetached |= lower.IsDetachedMount;
            SetDirectory("lowerdir+", lower.File);
        }
    }

    /// <summary>Makes the file system and a mount of it that is attached nowhere.</summary>
    public FileDescriptor Make()
    {
        Check(MountCalls.TryCreate(_context));
        Check(MountCalls.TryMakeMount(_context, Attributes(_mount), out var made));
        if (_mapping is null || _mount.Type == "overlay")
            return made!;
        try
        {
            IdMappedMounts.Map(made!, _mapping, _target);
            return made!;
        }
        catch
        {
            made!.Dispose();
            throw;
        }
    }

    /// <summary>Throws if a call failed, with what the kernel wrote into its log.</summary>
    public void Check(Errno errno)
    {
        if (errno == Errno.None)
            return;
        string advice = errno == Errno.EINVAL && _overDetached
            ? " Before Linux 6.15 an overlay takes no mount that is attached nowhere: there, mount the lower layers at directories."
            : "";
        Check(errno, _mount, _target, MountCalls.ReadLog(_context), advice);
    }

    /// <summary>Throws if a call failed.</summary>
    public static void Check(Errno errno, Mount mount, string target, string log, string advice = "")
    {
        if (errno == Errno.None)
            return;
        string why = (log.Length > 0 ? $" The kernel says: {log}." : "") + advice;
        string what = $"Can't mount {mount.Type} at {target}";
        var cause = new LinuxException(errno, "mount", target);
        throw errno switch
        {
            Errno.EPERM or Errno.EACCES => StrataException.PermissionDenied(
                $"{what}: mounting needs root (CAP_SYS_ADMIN). Run as root, or use the vfs driver, which mounts nothing.{why}", cause),
            Errno.ENODEV => StrataException.NotSupported($"{what}: this kernel has no {mount.Type} file system.{why}", cause),
            Errno.ENOTBLK => StrataException.NotSupported(
                $"{what}: {mount.Source} is a file, and this kernel wants a block device there. EROFS takes files from Linux 6.12 on, but none on tmpfs; else use the option loop.{why}", cause),
            _ => new StrataException(LinuxException.KindOf(errno), $"{what}: {new LinuxException(errno, "mount").Message}.{why}", cause),
        };
    }

    /// <summary>Ends it; a mount that was made of it stays.</summary>
    public void Dispose()
    {
        foreach (var held in _held)
            held.Dispose();
        _context.Dispose();
        // The end of a mount that is attached nowhere waits for all processors (synchronize_rcu): milliseconds on a busy machine, and nobody needs to wait with it.
        if (_copies.Count > 0)
            ThreadPool.UnsafeQueueUserWorkItem(static copies => copies.ForEach(copy => copy.Dispose()), _copies, preferLocal: false);
    }

    /// <summary>A value without the quotes around it.</summary>
    internal static string Unquoted(string value) => value is ['"', .. var inner, '"'] ? inner : value;

    private static int Attributes(Mount mount)
    {
        int attributes = 0;
        foreach (string option in mount.Options)
        {
            attributes |= option switch
            {
                "ro" => MountCalls.AttributeReadOnly,
                "nosuid" => MountCalls.AttributeNoSuid,
                "nodev" => MountCalls.AttributeNoDev,
                "noexec" => MountCalls.AttributeNoExec,
                _ => 0,
            };
        }
        return attributes;
    }

    private static bool Fits(string path) => Encoding.UTF8.GetByteCount(path) <= MountCalls.MaxValueBytes;

    /// <summary>A file or device that the kernel opens by its path.</summary>
    private void SetFile(string key, string path)
    {
        if (ByLoop)
        {
            var device = LoopDevice.Attach(path, _mount.Options.Contains("directio"));
            _held.Add(device);
            path = device.Path;
        }
        else if (!Fits(path))
        {
            path = Hold(FileCalls.Open(path, OpenFlags.Path)).ProcPath;
        }
        Check(MountCalls.TrySetString(_context, key, path));
    }

    private void SetDirectory(string key, string path)
    {
        if (Fits(path))
            Check(MountCalls.TrySetString(_context, key, path));
        else
            SetDirectory(key, Hold(FileCalls.Open(path, OpenFlags.ReadOnly | OpenFlags.Directory)));
    }

    /// <summary>An open directory: as it is (Linux 6.13), else by the path that procfs has for it.</summary>
    private void SetDirectory(string key, FileDescriptor directory)
    {
        if (!_pathsOnly && MountCalls.TrySetFile(_context, key, directory) == Errno.None)
            return;
        _ = MountCalls.ReadLog(_context); // what it says of a call that has a substitute would only mislead
        Check(MountCalls.TrySetString(_context, key, directory.ProcPath));
    }

    private FileDescriptor Hold(FileDescriptor file)
    {
        _held.Add(file);
        return file;
    }

    /// <summary>
    /// Lower directories whose owners are mapped. Those of one mount are below one copy of it: making a copy is cheap, but the kernel waits for all
    /// processors when one goes away.
    /// </summary>
    private void SetMapped(string[] paths, IdMapping mapping)
    {
        if (IdMappedMounts.FindBelow(_mount) is { } all)
        {
            var copy = CopyMapped(all, mapping);
            foreach (string path in paths)
            {
                var errno = RootedCalls.TryOpenInRoot(copy.Number, Encoding.UTF8.GetBytes(Path.GetRelativePath(all, path)), OpenFlags.Path | OpenFlags.Directory, 0, out var lower);
                if (errno != Errno.None)
                    throw new LinuxException(errno, "openat2", path);
                SetDirectory("lowerdir+", Hold(lower!));
            }
            return;
        }
        var opened = paths.Select(path => Hold(FileCalls.Open(path, OpenFlags.Path | OpenFlags.Directory))).ToArray();
        var resolved = opened.Select(file => File.ResolveLinkTarget(file.ProcPath, returnFinalTarget: false)!.FullName).ToArray();
        var mounts = opened.Select(file => AttributeCalls.Stat(file).MountId).ToArray();
        var copies = new Dictionary<ulong, (string Top, FileDescriptor Mount)>();
        for (int i = 0; i < paths.Length; i++)
        {
            if (!copies.TryGetValue(mounts[i], out var found))
            {
                string top = CommonParent([.. resolved.Where((_, j) => mounts[j] == mounts[i])]);
                found = (top, CopyMapped(top, mapping));
                copies.Add(mounts[i], found);
            }
            string below = resolved[i][found.Top.Length..].Trim('/');
            SetDirectory("lowerdir+", below.Length == 0 ? found.Mount : Hold(FileCalls.OpenAt(found.Mount, Encoding.UTF8.GetBytes(below), OpenFlags.Path | OpenFlags.Directory | OpenFlags.NoFollow)));
        }
    }

    private FileDescriptor CopyMapped(string path, IdMapping mapping)
    {
        var mount = IdMappedMounts.Clone(path, mapping, readOnly: true);
        (_attach ? (ICollection<IDisposable>)_held : _copies).Add(mount);
        _overMapped = true;
        if (!_attach)
            return mount;
        var place = new AttachedMount();
        _held.Add(place);
        Check(MountCalls.TryAttach(mount, place.Path));
        return Hold(FileCalls.Open(place.Path, OpenFlags.Path | OpenFlags.Directory));
    }

    /// <summary>The deepest directory that holds all paths, or is one.</summary>
    private static string CommonParent(string[] paths)
    {
        string common = paths[0];
        foreach (string path in paths)
        {
            while (path != common && !path.StartsWith(common.TrimEnd('/') + "/", StringComparison.Ordinal))
                common = Path.GetDirectoryName(common)!;
        }
        return common;
    }

    /// <summary>A place for a moment: overlay makes a copy of the mount for itself.</summary>
    private sealed class AttachedMount : IDisposable
    {
        internal string Path { get; } = Directory.CreateTempSubdirectory("strata-lower-").FullName;

        public void Dispose()
        {
            MountCalls.TryUnmount(Path, lazy: true);
            Directory.Delete(Path);
        }
    }
}
