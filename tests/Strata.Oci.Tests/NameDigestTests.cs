using System.Text;
using Strata.Testing;

namespace Strata.Oci.Tests;

/// <summary>Who asks for an image by a name with a digest gets what has that digest, or nothing.</summary>
public sealed class NameDigestTests
{
    private const string Other = "box@sha256:1111111111111111111111111111111111111111111111111111111111111111";
    private const string OtherTagged = "box:1@sha256:1111111111111111111111111111111111111111111111111111111111111111";

    [Theory, InlineData(Other), InlineData(OtherTagged)]
    public void An_image_that_claims_another_ones_digest_is_not_loaded(string name)
    {
        using var rig = new OciRig();
        var image = OciRig.Image();
        foreach (string annotation in new[] { "io.containerd.image.name", "org.opencontainers.image.ref.name" })
            Assert.Contains(name, rig.Refuses(image.ToLayout($"\"{annotation}\":\"{name}\""), ErrorKind.InvalidArgument).Message, StringComparison.Ordinal);
        rig.Refuses(image.ToDockerArchive(name), ErrorKind.InvalidArgument);
        rig.Refuses(image.ToLayout(), ErrorKind.InvalidArgument, new LoadOptions { Name = name });
        rig.Refuses(image.ToDockerArchive("box:1"), ErrorKind.InvalidArgument, new LoadOptions { Name = name });
        Assert.Equal(["box:2"], rig.Load(image.ToLayout($"\"io.containerd.image.name\":\"{name}\""), new LoadOptions { Name = "box:2" }).Single().Names);
    }

    [Fact]
    public void No_other_image_is_given_such_a_name_afterwards_or_when_it_is_made()
    {
        using var rig = new OciRig();
        var image = rig.Load(OciRig.Image().ToLayout()).Single();
        rig.Store.CreateWritable("change", image.TopLayer, image.Manifest);
        foreach (Action name in new Action[]
        {
            () => rig.Store.AddName(Other, image.Manifest),
            () => rig.Store.AddImage(rig.Store.ReadBlob(image.Manifest), rig.Store.ReadBlob(image.Config), image.TopLayer, [Other]),
            () => ImageCommitter.Commit(rig.Store, "change", Other),
            () => ImageSquasher.Squash(rig.Store, image, Other),
            () => RootImporter.ImportFolder(rig.Store, rig.Scratch.Make("folder"), Other),
        })
            Assert.Equal(ErrorKind.InvalidArgument, Assert.ThrowsAny<StrataException>(name).Kind);
        rig.Store.AddName($"box@{image.Manifest}", image.Manifest);
        Assert.Equal([$"box@{image.Manifest}", "localhost/test:1"], rig.Store.ListImages().Single().Names);
        Assert.Equal(2, rig.Store.ListLayers().Count);
    }

    [Theory, InlineData("none", true), InlineData("gzip", false)]
    public void A_saved_image_goes_by_such_a_name_where_it_still_has_the_digest(string compression, bool isTheSame)
    {
        using var rig = new OciRig();
        var image = rig.Load(OciRig.Image(compression).ToLayout()).Single();
        string exact = $"localhost/test@{image.Manifest}";
        rig.Store.AddName(exact, image.Manifest);
        File.WriteAllBytes(rig.Scratch["saved.tar"], rig.Save(rig.Store.FindImage(exact)!));
        string docker = Commands.Run("tar", "-xOf", rig.Scratch["saved.tar"], "manifest.json");
        Assert.Contains("\"RepoTags\":[\"localhost/test:1\"]", docker, StringComparison.Ordinal); // neither Docker nor Podman loads an archive with others
        using var other = new OciRig("vfs");
        Assert.Equal(isTheSame ? ["localhost/test:1", exact] : ["localhost/test:1"], other.Load(rig.Scratch["saved.tar"]).Single().Names);
    }
}
