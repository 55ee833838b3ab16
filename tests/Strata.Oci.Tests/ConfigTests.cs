using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Strata.Oci.Tests;

/// <summary>Changes of a config, by themselves.</summary>
public sealed class ConfigTests
{
    private const string Base = """{"os":"linux","x":[1.50],"config":{"Env":["PATH=/bin","HOME=/root"],"Cmd":["sh"],"Entrypoint":["/init"],"WorkingDir":"/a/b","Labels":{"k":"v"},"Unknown":{"z":1e3}}}""";

    [Theory]
    [InlineData("ENV A=b", "Env", """["PATH=/bin","HOME=/root","A=b"]""")]
    [InlineData("env A=b C=\"d e\" F='$HOME'", "Env", """["PATH=/bin","HOME=/root","A=b","C=d e","F=$HOME"]""")]
    [InlineData("ENV PATH=/usr/bin:$PATH", "Env", """["PATH=/usr/bin:/bin","HOME=/root"]""")]
    [InlineData("ENV A ${HOME}/x  y", "Env", """["PATH=/bin","HOME=/root","A=/root/x  y"]""")]
    [InlineData("ENV A=${NONE:-else $HOME} ", "Env", null)]
    [InlineData("ENV A=${NONE:-else}${HOME:+set}${NONE}", "Env", """["PATH=/bin","HOME=/root","A=elseset"]""")]
    [InlineData("ENV A=\\$HOME\\ x", "Env", """["PATH=/bin","HOME=/root","A=$HOME x"]""")]
    [InlineData("ENV A=\"\\x\\\"\"", "Env", """["PATH=/bin","HOME=/root","A=\\x\""]""")]
    [InlineData("ENV HOME=/h OLD=$HOME", "Env", """["PATH=/bin","HOME=/h","OLD=/root"]""")]
    [InlineData("ENV A=", "Env", """["PATH=/bin","HOME=/root","A="]""")]
    [InlineData("ENV A", "Env", null)]
    [InlineData("ENV =b", "Env", null)]
    [InlineData("ENV A='b", "Env", null)]
    [InlineData("ENV A=${HOME", "Env", null)]
    [InlineData("ENV A=${HOME?x}", "Env", null)]
    [InlineData("ENV", "Env", null)]
    [InlineData("CMD [\"a\", \"b c\"]", "Cmd", """["a","b c"]""")]
    [InlineData("CMD a $b 'c'", "Cmd", """["/bin/sh","-c","a $b 'c'"]""")]
    [InlineData("CMD [ -f x ]", "Cmd", """["/bin/sh","-c","[ -f x ]"]""")]
    [InlineData("CMD []", "Cmd", "-")]
    [InlineData("ENTRYPOINT [\"/new\"]", "Cmd", "-")]
    [InlineData("ENTRYPOINT [\"/new\"]", "Entrypoint", """["/new"]""")]
    [InlineData("ENTRYPOINT", "Entrypoint", "-")]
    [InlineData("USER 1:2", "User", "\"1:2\"")]
    [InlineData("WORKDIR /x//y/../z/", "WorkingDir", "\"/x/z\"")]
    [InlineData("WORKDIR c", "WorkingDir", "\"/a/b/c\"")]
    [InlineData("WORKDIR ../../../..", "WorkingDir", "\"/\"")]
    [InlineData("WORKDIR $NONE", "WorkingDir", null)]
    [InlineData("LABEL a=1 \"b c\"=\"$HOME d\" k=w", "Labels", """{"k":"w","a":"1","b c":"/root d"}""")]
    [InlineData("EXPOSE 80 443/UDP 8000-8002", "ExposedPorts", """{"80/tcp":{},"443/udp":{},"8000/tcp":{},"8001/tcp":{},"8002/tcp":{}}""")]
    [InlineData("EXPOSE 70000", "ExposedPorts", null)]
    [InlineData("EXPOSE 9-8", "ExposedPorts", null)]
    [InlineData("EXPOSE 80/icmp", "ExposedPorts", null)]
    [InlineData("VOLUME /a /b", "Volumes", """{"/a":{},"/b":{}}""")]
    [InlineData("VOLUME [\"/a b\"]", "Volumes", """{"/a b":{}}""")]
    [InlineData("STOPSIGNAL SIGRTMIN+3", "StopSignal", "\"SIGRTMIN+3\"")]
    [InlineData("STOPSIGNAL 65", "StopSignal", null)]
    [InlineData("STOPSIGNAL a/b", "StopSignal", null)]
    [InlineData("ONBUILD RUN x", "OnBuild", """["RUN x"]""")]
    [InlineData("RUN x", "Env", null)]
    [InlineData("", "Env", null)]
    public void A_line_of_a_Dockerfile_changes_what_it_says(string line, string member, string? expected)
    {
        if (expected is null)
        {
            Assert.Equal(ErrorKind.InvalidArgument, Assert.ThrowsAny<StrataException>(() => Apply(ConfigChange.Parse(line))).Kind);
            return;
        }
        var config = (JsonObject)Apply(ConfigChange.Parse(line))["config"]!;
        Assert.Equal(expected, config[member]?.ToJsonString(_relaxed) ?? "-");
        foreach (string other in new[] { "Env", "Cmd", "Labels", "Unknown" }.Where(o => o != member && !(line.StartsWith("ENTRYPOINT", StringComparison.Ordinal) && o == "Cmd")))
            Assert.Equal(JsonNode.Parse(Base)!["config"]![other]!.ToJsonString(), config[other]!.ToJsonString());
    }

    [Fact]
    public void A_literal_change_takes_its_text_as_it_is()
    {
        var config = (JsonObject)Apply(new ConfigChange(ConfigInstruction.Env, "A=$HOME 'x' = y", true), new ConfigChange(ConfigInstruction.Volume, "/a b", true))["config"]!;
        Assert.Equal("A=$HOME 'x' = y", config["Env"]![2]!.GetValue<string>());
        Assert.Equal("{\"/a b\":{}}", config["Volumes"]!.ToJsonString());
    }

    [Fact]
    public void A_command_that_comes_with_an_entry_point_stays()
    {
        var config = (JsonObject)Apply(ConfigChange.Parse("CMD [\"a\"]"), ConfigChange.Parse("ENTRYPOINT [\"b\"]"))["config"]!;
        Assert.Equal("[\"a\"]", config["Cmd"]!.ToJsonString());
    }

    [Fact]
    public void What_is_not_known_stays_as_it_came()
    {
        string text = JsonNodes.Text(Apply(ConfigChange.Parse("USER 1")));
        Assert.Contains("\"x\":[1.50]", text, StringComparison.Ordinal);
        Assert.Contains("\"Unknown\":{\"z\":1e3}", text, StringComparison.Ordinal);
        var absent = (JsonObject)JsonNode.Parse("""{"config":null}""")!;
        new ConfigEditor(absent).Apply([ConfigChange.Parse("ENV A=b"), ConfigChange.Parse("ENV A=c")]);
        Assert.Equal("""{"config":{"Env":["A=c"]}}""", JsonNodes.Text(absent));
    }

    /// <summary>A name is what distribution's grammar takes, no more.</summary>
    [Theory]
    [InlineData("debian", "debian:latest")]
    [InlineData("library/debian:13", "library/debian:13")]
    [InlineData("localhost/x", "localhost/x:latest")]
    [InlineData("localhost:5000/a/b_c/d--e.f:T_a.g-1", "localhost:5000/a/b_c/d--e.f:T_a.g-1")]
    [InlineData("[::1]:5000/x", "[::1]:5000/x:latest")]
    [InlineData("EXAMPLE.org/x", "EXAMPLE.org/x:latest")]
    [InlineData("x@sha256:0000000000000000000000000000000000000000000000000000000000000000", "x@sha256:0000000000000000000000000000000000000000000000000000000000000000")]
    [InlineData("x:1@sha256:0000000000000000000000000000000000000000000000000000000000000000", "x:1@sha256:0000000000000000000000000000000000000000000000000000000000000000")]
    [InlineData("x@sha256:00", null)]
    [InlineData("x@", null)]
    [InlineData("Debian", null)]
    [InlineData("a..b", null)]
    [InlineData("a___b", null)]
    [InlineData("a-", null)]
    [InlineData(".a", null)]
    [InlineData("a/../b", null)]
    [InlineData("../a", null)]
    [InlineData("/a", null)]
    [InlineData("a/", null)]
    [InlineData("a:b/c", null)]
    [InlineData("a:", null)]
    [InlineData("a:-x", null)]
    [InlineData("a:x:y", null)]
    [InlineData("exa_mple.org/x", null)]
    [InlineData("example.org:port/x", null)]
    [InlineData("example.org:/x", null)]
    [InlineData("[::1/x", null)]
    [InlineData("[]/x", null)]
    [InlineData("-example.org/x", null)]
    [InlineData("a\0b", null)]
    [InlineData("ä", null)]
    [InlineData("", null)]
    public void Names_follow_the_grammar(string text, string? normal)
    {
        if (normal is not null)
            Assert.Equal(normal, ImageNames.Normalize(text));
        else
            Assert.Equal(ErrorKind.InvalidArgument, Assert.ThrowsAny<StrataException>(() => ImageNames.Normalize(text)).Kind);
    }

    [Fact]
    public void Names_and_tags_end_where_registries_end_them()
    {
        Assert.NotEmpty(ImageNames.Normalize(new string('a', 255) + ":" + new string('b', 128)));
        Assert.ThrowsAny<StrataException>(() => ImageNames.Normalize(new string('a', 256)));
        Assert.ThrowsAny<StrataException>(() => ImageNames.Normalize("a:" + new string('b', 129)));
    }

    private static readonly JsonSerializerOptions _relaxed = new() { Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping, TypeInfoResolver = System.Text.Json.Serialization.Metadata.JsonTypeInfoResolver.Combine(new System.Text.Json.Serialization.Metadata.DefaultJsonTypeInfoResolver()) };

    private static JsonObject Apply(params ConfigChange[] changes)
    {
        var root = (JsonObject)JsonNode.Parse(Encoding.UTF8.GetBytes(Base))!;
        new ConfigEditor(root).Apply(changes);
        return root;
    }
}
