using System.Net;
using Grpc.Core;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Strata.Oci.Registries;
using Strata.Testing;

namespace Strata.Daemon.Tests.Containerd;

/// <summary>Snapshots whose image is fetched by us, as Kubernetes asks for them.</summary>
public sealed class FetchTests
{
    [Fact]
    public async Task An_image_that_containerd_is_about_to_pull_is_fetched_once_and_its_snapshots_are_there()
    {
        var image = new TestImage().Layer(new TarBuilder().Dir("etc").File("etc/one", "one"), "gzip").Layer(new TarBuilder().File("two", "two"), "gzip");
        await using var registry = await Registry.StartAsync(image);
        await using var rig = await SnapshotRig.StartAsync("vfs", fetch: new RegistryOptions { PlainHttp = true, Attempts = 1 });
        string name = $"127.0.0.1:{registry.Port}/team/app:1";
        ChainId? chain = null;
        string parent = "";
        foreach (byte[] tar in image.Tars)
        {
            chain = ChainId.Of(chain, new DiffId(Digest.Parse("sha256:" + TestImage.HexOf(tar))));
            string target = chain.ToString()!;
            await SnapshotRig.FailsAsync(StatusCode.AlreadyExists, () => rig.PrepareAsync($"k8s.io/1/extract-1 {target}", parent,
                ("containerd.io/snapshot.ref", target), ("containerd.io/snapshot/cri.image-ref", name),
                ("containerd.io/snapshot/cri.manifest-digest", "sha256:" + TestImage.HexOf(image.Manifest))));
            parent = Assert.Single(await rig.ListAsync($"labels.\"containerd.io/snapshot.ref\"==\"{target}\",parent==\"{parent}\""));
        }
        Assert.Equal(2, registry.BlobsGiven.Count(b => image.Blobs.Any(l => b.EndsWith(TestImage.HexOf(l), StringComparison.Ordinal))));
    }

    [Fact]
    public async Task What_can_not_be_fetched_is_left_to_containerd()
    {
        await using var rig = await SnapshotRig.StartAsync("vfs", fetch: new RegistryOptions { PlainHttp = true, Attempts = 1 });
        for (int i = 0; i < 2; i++)
        {
            await rig.PrepareAsync($"extract {i}", "", ("containerd.io/snapshot.ref", "sha256:" + new string('a', 64)), ("containerd.io/snapshot/cri.image-ref", "127.0.0.1:1/none:1"));
            await rig.PrepareAsync($"bad {i}", "", ("containerd.io/snapshot.ref", "sha256:" + new string('a', 64)), ("containerd.io/snapshot/cri.image-ref", "../..//x y"));
        }
        Assert.Equal(4, (await rig.ListAsync()).Length);
    }

    /// <summary>The reading half of a registry, as much as one image needs.</summary>
    private sealed class Registry(WebApplication application) : IAsyncDisposable
    {
        internal List<string> BlobsGiven { get; } = [];

        internal int Port => new Uri(application.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.First()).Port;

        internal static async Task<Registry> StartAsync(TestImage image)
        {
            var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
            builder.WebHost.UseKestrelCore().ConfigureKestrel(k => k.Listen(IPAddress.Loopback, 0));
            var application = builder.Build();
            var registry = new Registry(application);
            var blobs = image.Blobs.Append(image.Config).ToDictionary(b => "sha256:" + TestImage.HexOf(b));
            application.Run(context => registry.AnswerAsync(context, image, blobs));
            await application.StartAsync();
            return registry;
        }

        public ValueTask DisposeAsync() => application.DisposeAsync();

        private async Task AnswerAsync(HttpContext context, TestImage image, Dictionary<string, byte[]> blobs)
        {
            string path = context.Request.Path.Value!;
            byte[]? body = path == "/v2/" ? [] : path.StartsWith("/v2/team/app/manifests/", StringComparison.Ordinal) ? image.Manifest : blobs.GetValueOrDefault(path[(path.LastIndexOf('/') + 1)..]);
            if (body is null)
            {
                context.Response.StatusCode = 404;
                return;
            }
            if (path.Contains("/blobs/", StringComparison.Ordinal))
            {
                lock (BlobsGiven)
                    BlobsGiven.Add(path);
            }
            context.Response.ContentType = path.Contains("/manifests/", StringComparison.Ordinal) ? "application/vnd.oci.image.manifest.v1+json" : "application/octet-stream";
            context.Response.ContentLength = body.Length;
            if (context.Request.Method != "HEAD")
                await context.Response.Body.WriteAsync(body);
        }
    }
}
