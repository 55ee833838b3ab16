using System.CommandLine;
using Strata.Daemon.Operations;
using Strata.Daemon.Serving;
using Strata.Oci.Registries;
using Strata.Store;

namespace Strata.Daemon.Verbs;

internal static class ServeVerb
{
    internal static Command Make()
    {
        var root = new Option<string?>("--root") { Description = "The store's directory. Default: /var/lib/strata.", HelpName = "DIR" };
        var driver = new Option<string?>("--driver") { Description = "The driver. Default: the store's own, else the best that can serve.", HelpName = "NAME" };
        var driverOptions = new Option<string[]>("--driver-opt") { Description = "An option of the driver; may be given more than once.", HelpName = "KEY=VALUE" };
        var sharedStores = new Option<string[]>("--shared-store") { Description = "Another store whose layers are used too, where they lie; it is only read. May be given more than once.", HelpName = "DIR" };
        var containerd = new Option<string?>("--containerd-socket") { Description = "Serve containerd's snapshotter and differ here.", HelpName = "PATH" };
        var containerdAddress = new Option<string?>("--containerd-address")
        {
            Description = $"containerd's own socket, of which the differ reads layers. Default: {ServeOptions.DefaultContainerdAddress}.", HelpName = "PATH",
        };
        var fetch = new Option<bool>("--containerd-fetch") { Description = "Fetch the images that containerd says it will pull (its snapshot annotations): faster, by strata's own registry settings." };
        var ahead = new Option<bool>("--containerd-ahead") { Description = "Apply layers when they come into containerd's content store, while the rest of their image still comes: imports take less time." };
        var sync = new Option<string?>("--snapshot-sync")
        {
            Description = "When snapshots that are prepared, changed or removed survive a power cut: soon (within about 100 ms; the default) or always (before the answer). Commits always do.", HelpName = "soon|always",
        };
        sync.AcceptOnlyFromAmong(ServeOptions.SnapshotSyncSoon, ServeOptions.SnapshotSyncAlways);
        var docker = new Option<string?>("--docker-socket") { Description = "Serve Docker's graph driver plugin here.", HelpName = "PATH" };
        var api = new Option<string?>("--api-socket") { Description = "Serve the control API here.", HelpName = "PATH" };
        var apiGroup = new Option<string?>("--api-socket-group") { Description = "Let the members of a group use the control API, as root would: name or number. Default: nobody but root.", HelpName = "GROUP" };
        var apiMode = Parsed<UnixFileMode>("--api-socket-mode", "The mode of the control API's socket. Default: 0600, with a group 0660.", "MODE", ConfigFile.Mode);
        var config = new Option<string?>("--config") { Description = "A configuration file; what is given here goes before it.", HelpName = "FILE" };
        var logFormat = new Option<string?>("--log-format") { Description = "What log lines look like. Default: text.", HelpName = "text|json" };
        logFormat.AcceptOnlyFromAmong(LogSetup.Text, LogSetup.Json);
        var logLevel = new Option<string?>("--log-level") { Description = "From which level on something is logged. Default: warning.", HelpName = string.Join('|', LogSetup.Levels) };
        logLevel.AcceptOnlyFromAmong(LogSetup.Levels);
        var traces = new Option<Uri?>("--trace-endpoint")
        {
            Description = "Send a span of each call to this collector, by OTLP over HTTP, such as http://127.0.0.1:4318/v1/traces. Default: nowhere.", HelpName = "URL",
            CustomParser = result => Read(result, ConfigFile.Endpoint),
        };
        var callTimeout = Duration("--call-timeout", "How long a call may take, or move no byte, before it is cancelled. Default: 10m.");
        var stopTimeout = Duration("--stop-timeout", "How long calls that are under way may take when the daemon is to stop. Default: 20s.");
        var command = new Command("serve", "Serve a store. Each door opens only if its socket is named.")
        {
            root, driver, driverOptions, sharedStores, containerd, containerdAddress, fetch, ahead, sync, docker, api, apiGroup, apiMode, config, logFormat, logLevel, traces, callTimeout, stopTimeout,
        };
        command.SetAction((parse, cancellationToken) => RunAsync(
            ServeOptions.Load(parse.GetValue(config), given => given with
            {
                Root = parse.GetValue(root) ?? given.Root,
                Driver = parse.GetValue(driver) ?? given.Driver,
                DriverOptions = parse.GetValue(driverOptions) is { Length: > 0 } options ? options : given.DriverOptions,
                SharedStores = parse.GetValue(sharedStores) is { Length: > 0 } stores ? stores : given.SharedStores,
                ContainerdSocket = parse.GetValue(containerd) ?? given.ContainerdSocket,
                ContainerdAddress = parse.GetValue(containerdAddress) ?? given.ContainerdAddress,
                SnapshotFlush = parse.GetValue(sync) is { } word ? given.WithSnapshotSync(word).SnapshotFlush : given.SnapshotFlush,
                ContainerdFetch = parse.GetValue(fetch) ? given.ContainerdFetch ?? new RegistryOptions() : given.ContainerdFetch,
                ContainerdAhead = parse.GetValue(ahead) || given.ContainerdAhead,
                DockerSocket = parse.GetValue(docker) ?? given.DockerSocket,
                ApiSocket = parse.GetValue(api) ?? given.ApiSocket,
                ApiSocketGroup = parse.GetValue(apiGroup) ?? given.ApiSocketGroup,
                ApiSocketMode = parse.GetValue(apiMode) ?? given.ApiSocketMode,
                LogFormat = parse.GetValue(logFormat) ?? given.LogFormat,
                LogLevel = parse.GetValue(logLevel) ?? given.LogLevel,
                TraceEndpoint = parse.GetValue(traces) ?? given.TraceEndpoint,
                CallTimeout = parse.GetValue(callTimeout) ?? given.CallTimeout,
                StopTimeout = parse.GetValue(stopTimeout) ?? given.StopTimeout,
            }).With(ServiceManager.TakeSockets()),
            cancellationToken));
        return command;
    }

    private static Option<TimeSpan?> Duration(string name, string description) => Parsed<TimeSpan>(name, description, "DURATION", ConfigFile.Duration);

    /// <summary>An option that is read as the configuration file reads it.</summary>
    private static Option<T?> Parsed<T>(string name, string description, string help, Func<string, T> read)
        where T : struct => new(name)
    {
        Description = description,
        HelpName = help,
        CustomParser = result => Read(result, text => (T?)read(text)),
    };

    private static T? Read<T>(System.CommandLine.Parsing.ArgumentResult result, Func<string, T?> read)
    {
        string text = result.Tokens.Single().Value;
        try
        {
            return read(text);
        }
        catch (FormatException e)
        {
            result.AddError($"'{text}' can't be it: {e.Message}");
            return default;
        }
    }

    private static async Task<int> RunAsync(ServeOptions options, CancellationToken cancellationToken)
    {
        options.RequireDoor();
        using var store = Store.Store.Open(new StoreOptions
        {
            Root = options.Root, Driver = options.Driver, DriverOptions = options.DriverOptions, SharedStores = options.SharedStores ?? SharedStore.FromEnvironment(),
            DeletesLater = true, SnapshotFlush = options.SnapshotFlush,
            SharedStoreLeftOut = left => Console.Error.WriteLine($"stratad: the shared store {left.Root} is left out: {left.Problem}"),
        });
        using var trash = TrashThread.Start(store);
        await using var host = DaemonHost.Make(options, store);
        using var memory = IdleMemory.Watch(host.Services.GetRequiredService<CallMetrics>());
        await host.StartAsync(cancellationToken);
        foreach (string line in host.Describe())
            await Console.Out.WriteLineAsync(line);
        await Console.Out.WriteLineAsync("stratad: ready");
        ServiceManager.Notify("READY=1");
        await host.WaitAsync(cancellationToken);
        return 0;
    }
}
