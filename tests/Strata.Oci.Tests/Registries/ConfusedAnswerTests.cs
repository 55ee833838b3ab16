using System.Text;
using Strata.Testing;

namespace Strata.Oci.Tests.Registries;

/// <summary>Answers that are taken for one thing by one program and for another by the next (CVE-2021-41190), and headers that mislead.</summary>
public sealed class ConfusedAnswerTests : IClassFixture<DebianRegistry>
{
    private static readonly TestImage _image = RegistryRig.Image(90, layers: 1, bytes: 1000);
    private readonly DebianRegistry _registry;

    public ConfusedAnswerTests(DebianRegistry registry)
    {
        _registry = registry;
        registry.Put(_image, "image", "1");
    }

    private static string ManifestText => Encoding.UTF8.GetString(_image.Manifest);

    private static string IndexText => Encoding.UTF8.GetString(TestImage.Index(_image.Entry(platform: true)));

    [Theory]
    [InlineData("manifest", "manifests", "application/vnd.oci.image.manifest.v1+json")] // both kinds of lists
    [InlineData("manifest", "manifests", "application/vnd.oci.image.index.v1+json")]
    [InlineData("index", "layers", "application/vnd.oci.image.index.v1+json")]
    [InlineData("index", "layers", "application/vnd.oci.image.manifest.v1+json")]
    [InlineData("manifest", "", "application/vnd.oci.image.index.v1+json")] // one that is told to be the other
    [InlineData("manifest", "", "application/vnd.docker.distribution.manifest.list.v2+json")]
    [InlineData("manifest", "", "application/vnd.docker.distribution.manifest.v2+json")]
    [InlineData("index", "", "application/vnd.oci.image.manifest.v1+json")]
    [InlineData("index", "", "application/vnd.docker.distribution.manifest.v2+json")]
    [InlineData("manifest", "", "application/vnd.docker.distribution.manifest.v1+prettyjws")] // what nobody should use any more
    public async Task What_can_be_taken_for_two_things_is_refused(string kind, string added, string told)
    {
        using var rig = new RegistryRig();
        string text = kind == "index" ? IndexText : ManifestText;
        if (added.Length > 0)
            text = text[..^1] + $",\"{added}\":[]}}";
        using var proxy = new FaultyProxy(_registry.Port, s => s.Path.EndsWith("manifests/1", StringComparison.Ordinal) ? new Fault { Answer = FaultyProxy.Answer("200 OK", text, "Content-Type: " + told) } : null);
        var e = await Assert.ThrowsAnyAsync<StrataException>(() => rig.PullAsync($"{proxy.Host}/image:1"));
        Assert.True(e.Kind is ErrorKind.InvalidArgument or ErrorKind.NotSupported, $"{e.Kind}: {e.Message}");
        rig.Oci.AssertEmpty();
    }

    [Theory]
    [InlineData("application/vnd.oci.image.index.v1+json")]
    [InlineData("application/vnd.docker.distribution.manifest.list.v2+json")]
    public async Task An_index_that_lists_a_manifest_as_an_index_is_refused(string type)
    {
        using var rig = new RegistryRig();
        string text = IndexText.Replace(MediaTypes.Manifest, type, StringComparison.Ordinal);
        using var proxy = new FaultyProxy(_registry.Port, s => s.Path.EndsWith("manifests/1", StringComparison.Ordinal) ? new Fault { Answer = FaultyProxy.Answer("200 OK", text, "Content-Type: " + MediaTypes.Index) } : null);
        var e = await Assert.ThrowsAnyAsync<StrataException>(() => rig.PullAsync($"{proxy.Host}/image:1"));
        Assert.True(e.Kind is ErrorKind.InvalidArgument or ErrorKind.NotSupported or ErrorKind.NotFound, $"{e.Kind}: {e.Message}");
        rig.Oci.AssertEmpty();
    }

    [Theory]
    [InlineData("Docker-Content-Digest: sha256:../../../../etc/passwd")]
    [InlineData("Docker-Content-Digest: ")]
    [InlineData("Docker-Content-Digest: md5:d41d8cd98f00b204e9800998ecf8427e")]
    [InlineData("Content-Type: text/html; charset=utf-8")]
    [InlineData("Content-Type: garbage")]
    [InlineData("ETag: not quoted")]
    [InlineData("Link: <http://169.254.169.254/>; rel=\"next\"")]
    [InlineData("OCI-Subject: sha256:x")]
    public async Task Headers_that_say_nothing_of_use_lead_nowhere(string header)
    {
        using var rig = new RegistryRig();
        using var proxy = new FaultyProxy(_registry.Port, s => s.Path.EndsWith("manifests/1", StringComparison.Ordinal) ? new Fault { Answer = FaultyProxy.Answer("200 OK", ManifestText, header) } : null);
        rig.AssertIs(_image, await rig.PullAsync($"{proxy.Host}/image:1"));
    }
}
