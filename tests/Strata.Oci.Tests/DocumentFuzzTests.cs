using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using CsCheck;
using Strata.Testing;

namespace Strata.Oci.Tests;

/// <summary>Documents with something else in a random place: an image comes of it, or an error of a kind that says what is wrong, and nothing else.</summary>
public sealed class DocumentFuzzTests
{
    private const int Rounds = 400;

    private static readonly string[] _values =
    [
        "null", "true", "-1", "0", "1e999", "99999999999999999999", "\"\"", "\"x\"", "\"../../x\"", "\"sha256:00\"", "\"md5:d41d8cd98f00b204e9800998ecf8427e\"",
        "\"sha256:0000000000000000000000000000000000000000000000000000000000000000\"", "\"\\ud800\"", "\"\\u0000\"", "[]", "{}", "[null]", "[[]]", "{\"\":null}", "[5]",
        "{\"os\":\"linux\"}", "\"application/vnd.oci.image.index.v1+json\"", "\"application/vnd.oci.image.manifest.v1+json\"", "[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]", "\"a\\nb\"", "\"ä\"",
    ];

    private static readonly string[] _changes = ["ENV A=$PATH", "LABEL a=b", "EXPOSE 1", "VOLUME /v", "WORKDIR w", "ENTRYPOINT x", "CMD y", "ONBUILD z"];

    private static readonly string[] _words = ["ENV ", "LABEL ", "CMD ", "EXPOSE ", "VOLUME ", "WORKDIR ", "USER ", "STOPSIGNAL ", ""];

    [Fact]
    public void Mutated_documents_give_an_image_or_an_error_that_says_what_is_wrong()
    {
        using var rig = new OciRig("vfs");
        int refused = 0, loaded = 0;
        Gen.Select(Gen.Int[0, 5], Gen.Int[0, 3], Gen.Int[0, 10_000], Gen.Int[0, _values.Length - 1], Gen.Byte).Sample(
            (document, how, where, value, letter) =>
            {
                byte[] Mutate(byte[] bytes) => how switch
                {
                    0 => Replace(bytes, where, _values[value]),
                    1 => Replace(bytes, where, null),
                    2 => [.. bytes[..(where % bytes.Length)], letter, .. bytes[((where + (value % 3)) % bytes.Length)..]],
                    _ => bytes[..(where % bytes.Length)],
                };
                var image = OciRig.Image();
                if (document == 1)
                    image.EditManifest = text => Encoding.Latin1.GetString(Mutate(Encoding.Latin1.GetBytes(text)));
                if (document is 2 or 4)
                    image.EditConfig = text => Encoding.Latin1.GetString(Mutate(Encoding.Latin1.GetBytes(text)));
                var files = document >= 4 ? image.ToDockerArchive("x:1") : image.ToLayout();
                if (document is 0 or 3 or 5)
                {
                    string name = document == 0 ? "index.json" : document == 3 ? "oci-layout" : "manifest.json";
                    files[name] = Mutate(files[name]);
                }
                using var memory = new MemoryFiles(files);
                try
                {
                    var options = new LoadOptions { AllPlatforms = where % 2 == 0 };
                    foreach (var one in document >= 4
                        ? new DockerArchive(memory, rig.Store, options).Load(TestContext.Current.CancellationToken)
                        : new LayoutLoader(memory, rig.Store, options).Load("fuzz", TestContext.Current.CancellationToken))
                    {
                        // What was taken can be worked with.
                        ImageHistory.Read(rig.Store, one);
                        rig.Save(one);
                        var config = (JsonObject)JsonNode.Parse(rig.Store.ReadBlob(one.Config))!;
                        new ConfigEditor(config).Apply(_changes.Select(ConfigChange.Parse));
                        JsonNodes.Text(config);
                        rig.Store.RemoveImage(one.Manifest);
                        loaded++;
                    }
                }
                catch (StrataException e)
                {
                    Assert.Contains(e.Kind, new[] { ErrorKind.InvalidArgument, ErrorKind.NotSupported, ErrorKind.NotFound, ErrorKind.Corrupt, ErrorKind.Exhausted });
                    Assert.False(string.IsNullOrWhiteSpace(e.Message));
                    refused++;
                }
            },
            iter: Rounds, threads: 1);
        Assert.True(refused > Rounds / 4 && loaded > 0, $"{refused} refused, {loaded} loaded: the mutations do not reach what they should");
    }

    [Fact]
    public void Any_text_is_a_name_or_is_refused() => Gen.OneOf(Gen.String, Gen.String["abz09.:/@-_[]A"]).Sample(
        text =>
        {
            try
            {
                string normal = ImageNames.Normalize(text);
                Assert.Equal(normal, ImageNames.Normalize(normal));
            }
            catch (StrataException e)
            {
                Assert.Equal(ErrorKind.InvalidArgument, e.Kind);
            }
            Assert.NotEmpty(ImageNames.Normalize(ImageNames.FromFileName(text)));
        },
        iter: 3000, threads: 1);

    [Fact]
    public void Any_text_is_a_change_of_a_config_or_is_refused() => Gen.Select(Gen.Int[0, _words.Length - 1].Select(i => _words[i]), Gen.String["ab=$\\\"'{}:+-[], 0/"]).Sample(
        (word, text) =>
        {
            try
            {
                new ConfigEditor([]).Apply([ConfigChange.Parse(word + text)]);
            }
            catch (StrataException e)
            {
                Assert.Equal(ErrorKind.InvalidArgument, e.Kind);
            }
        },
        iter: 3000, threads: 1);

    /// <summary>Puts another value in the place of one, or takes it away.</summary>
    private static byte[] Replace(byte[] bytes, int where, string? value)
    {
        if (JsonNode.Parse(bytes) is not { } root)
            return bytes;
        var places = new List<JsonNode>();
        Collect(root, places);
        var node = places[where % places.Count];
        string path = node.GetPath();
        // By the text, since not every value that is wanted here is one that a tree can hold.
        const string Mark = "\"@@@\"";
        if (node.Parent is JsonObject parent)
        {
            if (value is null)
                parent.Remove(node.GetPropertyName());
            else
                parent[node.GetPropertyName()] = "@@@";
        }
        else if (node.Parent is JsonArray array)
        {
            int at = node.GetElementIndex();
            if (value is null)
                array.RemoveAt(at);
            else
                array[at] = "@@@";
        }
        else
        {
            return Encoding.UTF8.GetBytes(value ?? "");
        }
        Assert.NotEmpty(path);
        return Encoding.UTF8.GetBytes(root.ToJsonString(new JsonSerializerOptions { Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping }).Replace(Mark, value, StringComparison.Ordinal));
    }

    private static void Collect(JsonNode node, List<JsonNode> places)
    {
        places.Add(node);
        foreach (var child in node is JsonObject o ? o.Select(m => m.Value) : node is JsonArray a ? a : [])
        {
            if (child is not null)
                Collect(child, places);
        }
    }

    private sealed class MemoryFiles(ImageFiles files) : IImageFiles
    {
        public string Shown => "the image";

        public long? FindSize(string name) => files.Names.Contains(name) ? files[name].Length : null;

        public Stream Open(string name) => FindSize(name) is null ? throw StrataException.NotFound($"{Shown} has no file '{name}'.") : new MemoryStream(files[name]);

        public void Dispose()
        {
        }
    }
}
