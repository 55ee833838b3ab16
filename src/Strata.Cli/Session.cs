using System.CommandLine;
using Strata.Api;
using Strata.Drivers.Rootless;
using Strata.Store;

namespace Strata.Cli;

/// <summary>What every verb shares: the options that name the store, and the store itself.</summary>
internal static class Session
{
    internal static readonly Option<string?> RootOption = new("--root")
    {
        Description = "The store's directory. Default: $STRATA_ROOT, else /var/lib/strata for root and ~/.local/share/strata for others.",
        Recursive = true,
        HelpName = "DIR",
    };

    internal static readonly Option<string?> DriverOption = new("--driver")
    {
        Description = "The driver: erofs, overlay, btrfs, zfs, aufs, fuse-overlayfs or vfs. Default: the store's own, else $STRATA_DRIVER, else the best that can serve.",
        Recursive = true,
        HelpName = "NAME",
    };

    internal static readonly Option<string[]> DriverOptionsOption = new("--driver-opt")
    {
        Description = "An option of the driver; may be given more than once.",
        Recursive = true,
        HelpName = "KEY=VALUE",
    };

    internal static readonly Option<string[]> LimitsOption = new("--limit")
    {
        Description = $"What layers may contain at most; may be given more than once. {LimitNames.Help}",
        Recursive = true,
        HelpName = "NAME=NUMBER",
    };

    internal static readonly Option<string?> LeaseOption = new("--lease")
    {
        Description = "A lease that the layers and images which a command makes or finds are put under, so that 'gc' keeps them. Default: $STRATA_LEASE.",
        Recursive = true,
        HelpName = "NAME",
    };

    internal static readonly Option<string[]> SharedStoresOption = new("--shared-store")
    {
        Description = $"Another store whose images and layers are used too, where they lie; it is only read. May be given more than once. Default: ${SharedStore.EnvironmentVariable}, with colons between.",
        Recursive = true,
        HelpName = "DIR",
    };

    internal static readonly Option<string?> ApiOption = new("--api-socket")
    {
        Description = "Ask the daemon that serves here (stratad serve --api-socket) instead of the store itself. '' : ask the store itself. Default: $STRATA_API, else the store itself.",
        Recursive = true,
        HelpName = "PATH",
    };

    internal static readonly Option<bool> WaitOption = new("--wait")
    {
        Description = "Wait until the files of what was removed are deleted. Default: $STRATA_WAIT=1; else large ones are deleted in the background.",
        Recursive = true,
    };

    internal static CancellationToken Cancellation { get; set; }

    internal static Option<bool> Json() => new("--json") { Description = "Print JSON." };

    internal static string RootOf(ParseResult parse)
    {
        if (parse.GetValue(RootOption) is { Length: > 0 } given)
            return given;
        if (Environment.GetEnvironmentVariable("STRATA_ROOT") is { Length: > 0 } named)
            return named;
        if (Environment.IsPrivilegedProcess && RootlessNamespace.Current is null)
            return "/var/lib/strata";
        string? data = Environment.GetEnvironmentVariable("XDG_DATA_HOME");
        return Path.Combine(string.IsNullOrEmpty(data) ? Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".local", "share") : data, "strata");
    }

    /// <summary>The store itself, for verbs that no daemon can do for us.</summary>
    internal static Store.Store Open(ParseResult parse)
    {
        var store = Store.Store.Open(OptionsOf(parse));
        TrashDeleter.Opened(store);
        return store;
    }

    /// <summary>The store itself, or the daemon that the user names.</summary>
    internal static IStoreOperations OpenOperations(ParseResult parse)
    {
        if (ApiOf(parse) is not { } socket)
            return new StoreOperations(Open(parse), "strata " + ProgramVersion.Number, whyNoNamespace: Rootless.WhyNot, keepApplied: LeaseOf(parse) is null);
        var given = new Option[] { RootOption, DriverOption, DriverOptionsOption, LimitsOption, LeaseOption, SharedStoresOption, WaitOption }.FirstOrDefault(option => parse.GetResult(option) is { Implicit: false });
        if (given is not null)
            throw StrataException.InvalidArgument($"{given.Name} is of a store that is used directly; with the control API the daemon's own is. Leave it out, or use the store directly: --api-socket ''.");
        if (LeaseOf(parse) is not null)
            throw StrataException.NotSupported("$STRATA_LEASE does not go through the control API: unset it, or use the store directly (--api-socket '').");
        return new RemoteOperations(socket);
    }

    /// <summary>The socket of the daemon that the user names; null: none.</summary>
    internal static string? ApiOf(ParseResult parse)
    {
        string? named = parse.GetValue(ApiOption) ?? Environment.GetEnvironmentVariable("STRATA_API");
        return string.IsNullOrEmpty(named) ? null : Path.GetFullPath(named);
    }

    internal static StoreOptions OptionsOf(ParseResult parse)
    {
        if (ApiOf(parse) is not null)
        {
            string verb = parse.CommandResult.Command.Name;
            throw StrataException.NotSupported(
                $"'strata {verb}' does not go through the control API. Use the store directly, also while the daemon runs: strata {verb} --api-socket '' --root DIR …");
        }
        var options = new StoreOptions
        {
            Root = RootOf(parse),
            Lease = LeaseOf(parse),
            Driver = parse.GetValue(DriverOption),
            DriverOptions = parse.GetValue(DriverOptionsOption) ?? [],
            DeletesLater = TrashDeleter.IsWanted(parse.GetValue(WaitOption)),
            SharedStores = parse.GetValue(SharedStoresOption) is { Length: > 0 } shared ? shared : SharedStore.FromEnvironment(),
            SharedStoreLeftOut = left => Output.Error($"the shared store {left.Root} is left out: {left.Problem}"),
            Limits = LimitNames.Parse(parse.GetValue(LimitsOption) ?? []),
        };
        Rootless.EnterFor(options.Root, options.Driver);
        return options;
    }

    private static string? LeaseOf(ParseResult parse) =>
        parse.GetValue(LeaseOption) is { Length: > 0 } given ? given : Environment.GetEnvironmentVariable("STRATA_LEASE") is { Length: > 0 } named ? named : null;

    /// <summary>
    /// The console's stream swallows that nobody reads any more, and a tar of gigabytes would be written to nobody; a file stream tells it, but on
    /// a file it does not move the position that it shares with the shell.
    /// </summary>
    private static Stream OpenOutput()
    {
        var pipe = new FileStream(new Microsoft.Win32.SafeHandles.SafeFileHandle(1, ownsHandle: false), FileAccess.Write, bufferSize: 0);
        if (!pipe.CanSeek)
            return pipe;
        pipe.Dispose();
        return Console.OpenStandardOutput();
    }

    /// <summary>Where a verb writes a tar: a file that is removed if it does not become whole, or standard output, but never a terminal.</summary>
    internal static void WriteOutput(string? path, Action<Stream> write)
    {
        if (path is null or "-")
        {
            if (!Console.IsOutputRedirected)
                throw StrataException.InvalidArgument("A tar is not for a terminal: redirect the output (> FILE), or give -o FILE.");
            using var output = OpenOutput();
            write(output);
            return;
        }
        if (File.Exists(path) && (new FileInfo(path) is { Length: 0 } or { LinkTarget: not null }))
        {
            // A device, a pipe, a link (or an empty file, which looks no different): written through, not replaced.
            using var through = new FileStream(path, FileMode.Create, FileAccess.Write, FileShare.ReadWrite, 0);
            write(through);
            return;
        }
        WriteBeside(path, FileAccess.Write, write);
    }

    /// <summary>Where a verb writes an image, which is not written from start to end: a regular file only.</summary>
    internal static void WriteImage(string? path, Action<Stream> write)
    {
        if (path is null or "-")
            throw StrataException.InvalidArgument("An EROFS image can't be written to standard output: its first block is written last. Give -o FILE.");
        string target = new FileInfo(path).LinkTarget is null ? path : File.ResolveLinkTarget(path, returnFinalTarget: true)!.FullName;
        if (File.Exists(target) && new FileInfo(target).Length == 0)
        {
            // A device or a pipe (or an empty file, which looks no different): never replaced.
            using var through = new FileStream(target, FileMode.Open, FileAccess.ReadWrite, FileShare.None, 0);
            if (!through.CanSeek)
                throw StrataException.InvalidArgument($"An EROFS image can't be written to {path}: that is no regular file.");
            write(through);
            return;
        }
        WriteBeside(target, FileAccess.ReadWrite, write);
    }

    /// <summary>Beside it, then renamed: what was there stays until the new one is whole.</summary>
    private static void WriteBeside(string path, FileAccess access, Action<Stream> write)
    {
        // Told before gigabytes are written.
        if (Directory.Exists(path))
            throw StrataException.InvalidArgument($"'{path}' is a directory: give the file that is to be written in it.");
        if (Path.GetDirectoryName(Path.GetFullPath(path)) is { } directory && !Directory.Exists(directory))
            throw StrataException.NotFound($"'{path}' can't be written: there is no directory '{directory}'. Make it first.");
        string partial = $"{path}.{LayerId.New().ToString()[..8]}.partial";
        try
        {
            using (var file = new FileStream(partial, FileMode.CreateNew, access, FileShare.None, 0))
                write(file);
            File.Move(partial, path, overwrite: true);
        }
        catch
        {
            File.Delete(partial);
            throw;
        }
    }
}
