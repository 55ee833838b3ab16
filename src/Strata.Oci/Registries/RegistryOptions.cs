namespace Strata.Oci.Registries;

/// <summary>How registries are spoken to.</summary>
public sealed record RegistryOptions
{
    /// <summary>True: the registry of the reference is spoken to without TLS. Otherwise only loopback and those that the configuration calls insecure may be.</summary>
    public bool PlainHttp { get; init; }

    /// <summary>False: the registry's certificate is not verified. Dangerous.</summary>
    public bool VerifyTls { get; init; } = true;

    /// <summary>A file of certificates (PEM) that are trusted besides the system's; or null.</summary>
    public string? CaFile { get; init; }

    /// <summary>Who the user is; null: what the credential files and helpers say.</summary>
    public RegistryCredential? Credential { get; init; }

    /// <summary>The one credential file to read and to write; null: <c>REGISTRY_AUTH_FILE</c>, else Podman's and Docker's.</summary>
    public string? AuthFile { get; init; }

    /// <summary>The configuration of registries and mirrors; null: <c>STRATA_REGISTRIES</c>, else /etc/strata/registries.json and the user's.</summary>
    public string? ConfigFile { get; init; }

    /// <summary>Directories with one folder <c>HOST:PORT</c> each, as Docker's certs.d; null: Docker's and Podman's.</summary>
    public IReadOnlyList<string>? CertificateDirectories { get; init; }

    /// <summary>How many layers are fetched or sent at once.</summary>
    public int Parallel { get; init; } = 6;

    /// <summary>How long to wait for a connection, for an answer's headers, or for the next byte.</summary>
    public TimeSpan StallTimeout { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>How long a credential helper program may take; one that asks its user something takes some time.</summary>
    public TimeSpan HelperTimeout { get; init; } = TimeSpan.FromSeconds(60);

    /// <summary>How often something is tried that fails in a way that may pass. A download that got further begins to count anew.</summary>
    public int Attempts { get; init; } = 6;

    /// <summary>The pause after the first failure; it doubles with each, up to <see cref="LongestDelay"/>, and is jittered.</summary>
    public TimeSpan FirstDelay { get; init; } = TimeSpan.FromMilliseconds(300);

    /// <summary>Of blobs from this size on, what was fetched is kept in the store until the pull has ended: a pull that is killed goes on there.</summary>
    internal long LeastKeptBytes { get; init; } = 1 << 20;

    /// <summary>What comes faster than this is not kept: fetching it again costs less than writing it twice.</summary>
    internal long FastBytesPerSecond { get; init; } = 100_000_000;

    /// <summary>The longest pause. A registry that asks for a longer one (<c>Retry-After</c>) is not waited for.</summary>
    public TimeSpan LongestDelay { get; init; } = TimeSpan.FromSeconds(60);
}
