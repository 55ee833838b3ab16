using System.Net;
using System.Net.Http.Headers;

namespace Strata.Oci.Registries;

/// <summary>One request to a registry, which may have to be sent several times.</summary>
/// <param name="Method">The method.</param>
/// <param name="Uri">Where to.</param>
/// <param name="Scopes">What it needs to be allowed: <c>repository:NAME:pull</c>.</param>
/// <param name="What">What is attempted, as it follows "Can't".</param>
internal sealed record RegistryRequest(HttpMethod Method, Uri Uri, IReadOnlyList<string> Scopes, string What)
{
    /// <summary>The media types that are understood.</summary>
    internal IReadOnlyList<string> Accept { get; init; } = [];

    /// <summary>From which byte on; 0: all.</summary>
    internal long From { get; init; }

    /// <summary>Only if it is still this version; else all of it comes.</summary>
    internal EntityTagHeaderValue? IfRange { get; init; }

    /// <summary>Makes the body anew for each attempt; null: none.</summary>
    internal Func<StallWatch, HttpContent>? Content { get; init; }

    /// <summary>Statuses that are an answer and no failure, besides 2xx.</summary>
    internal IReadOnlyList<HttpStatusCode> Expected { get; init; } = [];

    /// <summary>How many times as long as usual the answer may take: a registry that commits a large blob copies it.</summary>
    internal int Patience { get; init; } = 1;
}
