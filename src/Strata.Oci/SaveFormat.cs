namespace Strata.Oci;

/// <summary>As what images are written.</summary>
public enum SaveFormat
{
    /// <summary>One tar that is an OCI layout and a docker-archive at once.</summary>
    Both,

    /// <summary>An OCI layout in a tar.</summary>
    Oci,

    /// <summary>What <c>docker save</c> of old wrote and everything reads.</summary>
    DockerArchive,
}
