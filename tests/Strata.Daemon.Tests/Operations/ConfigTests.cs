using System.CommandLine;
using Strata.Daemon.Operations;
using Strata.Daemon.Serving;
using Strata.Daemon.Verbs;
using Strata.Testing;

namespace Strata.Daemon.Tests.Operations;

public sealed class ConfigTests
{
    [Fact]
    public void Each_flag_of_serve_is_a_key()
    {
        string[] flags = [.. ServeVerb.Make().Options.Select(option => option.Name.TrimStart('-')).Where(name => name != "config").Order(StringComparer.Ordinal)];
        Assert.Equal(flags, ConfigFile.Keys.Order(StringComparer.Ordinal));
    }

    [Fact]
    public void A_file_with_comments_is_read()
    {
        using var scratch = new ScratchDirectory();
        File.WriteAllText(scratch["c"], """
            # a comment
            root = /srv/strata   # and one more

              driver=vfs
            driver-opt = vfs.a=1
            driver-opt = "vfs.b = #2"  # kept in its marks
            docker-socket = "/run/a b.sock"
            log-format = json
            log-level = debug
            call-timeout = 1.5m
            stop-timeout = 500ms
            """);
        var options = ConfigFile.Read(scratch["c"]);
        Assert.Equal("/srv/strata", options.Root);
        Assert.Equal("vfs", options.Driver);
        Assert.Equal(["vfs.a=1", "vfs.b = #2"], options.DriverOptions);
        Assert.Equal("/run/a b.sock", options.DockerSocket);
        Assert.Equal("json", options.LogFormat);
        Assert.Equal("debug", options.LogLevel);
        Assert.Equal(TimeSpan.FromSeconds(90), options.CallTimeout);
        Assert.Equal(TimeSpan.FromSeconds(0.5), options.StopTimeout);
        Assert.Null(options.ApiSocket);
        Assert.Equal("/other", ServeOptions.Load(scratch["c"], given => given with { Root = "/other" }).Root);
    }

    [Theory]
    [InlineData("root", ":1: 'root' is not of the form")]
    [InlineData("root =", ":1: the value is missing")]
    [InlineData("\nrooot = /a", ":2: there is no key 'rooot'")]
    [InlineData("root = a", ":1: 'root' can't be 'a': it is not an absolute path")]
    [InlineData("root = /a\nroot = /b", ":2: 'root' is given already, in line 1")]
    [InlineData("driver-opt = a", ":1: 'driver-opt' can't be 'a'")]
    [InlineData("log-format = xml", ":1: 'log-format' can't be 'xml'")]
    [InlineData("log-level = loud", ":1: 'log-level' can't be 'loud'")]
    [InlineData("call-timeout = 5", ":1: 'call-timeout' can't be '5'")]
    [InlineData("call-timeout = 0s", ":1: 'call-timeout'")]
    [InlineData("call-timeout = -1s", ":1: 'call-timeout'")]
    [InlineData("call-timeout = 9999h", ":1: 'call-timeout'")]
    [InlineData("root = \"/a", ":1: a quotation mark is missing")]
    [InlineData("root = \"/a\" b", ":1: 'b' follows")]
    public void What_is_wrong_is_named_by_line_and_key(string text, string expected)
    {
        using var scratch = new ScratchDirectory();
        File.WriteAllText(scratch["c"], text);
        var error = Assert.Throws<StrataException>(() => ConfigFile.Read(scratch["c"]));
        Assert.Equal(ErrorKind.InvalidArgument, error.Kind);
        Assert.StartsWith(scratch["c"] + expected, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void All_that_is_wrong_is_told_at_once()
    {
        using var scratch = new ScratchDirectory();
        File.WriteAllText(scratch["c"], "x = 1\nroot = /a\ny = 2\n");
        Assert.Equal(2, Assert.Throws<StrataException>(() => ConfigFile.Read(scratch["c"])).Message.Split('\n').Length);
        Assert.Equal(ErrorKind.NotFound, Assert.Throws<StrataException>(() => ConfigFile.Read(scratch["none"])).Kind);
    }

    [Fact]
    public void The_packaged_file_is_in_order()
    {
        string directory = AppContext.BaseDirectory;
        while (!File.Exists(Path.Combine(directory, "Strata.slnx")))
            directory = Path.GetDirectoryName(directory)!;
        var options = ConfigFile.Read(Path.Combine(directory, "packaging/stratad.conf"));
        options.RequireDoor();
        Assert.Equal("/var/lib/strata", options.Root);
    }
}
