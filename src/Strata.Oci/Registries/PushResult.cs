namespace Strata.Oci.Registries;

/// <summary>What a push did.</summary>
/// <param name="Reference">Where the image is now.</param>
/// <param name="Manifest">The digest of its manifest there.</param>
/// <param name="KeptManifest">
/// True: it is the manifest that the image has in the store. False: some layers were compressed anew, so the manifest is another one; the
/// image's ID, the digest of its config, is the same.
/// </param>
/// <param name="Present">How many layers the repository had.</param>
/// <param name="Mounted">How many the registry took over from another repository.</param>
/// <param name="Sent">How many were sent.</param>
/// <param name="SentBytes">How many bytes of layers were sent.</param>
public sealed record PushResult(RegistryReference Reference, Digest Manifest, bool KeptManifest, int Present, int Mounted, int Sent, long SentBytes);
