namespace Strata.Oci;

/// <summary>What of an image's config a change sets, by the Dockerfile's words.</summary>
public enum ConfigInstruction
{
    /// <summary>A variable of the environment.</summary>
    Env,

    /// <summary>The command that is run, or the entry point's arguments.</summary>
    Cmd,

    /// <summary>The program that is run.</summary>
    Entrypoint,

    /// <summary>Under which user.</summary>
    User,

    /// <summary>In which directory.</summary>
    Workdir,

    /// <summary>A label.</summary>
    Label,

    /// <summary>A port that is listened on.</summary>
    Expose,

    /// <summary>A directory for data that is not the image's.</summary>
    Volume,

    /// <summary>The signal that ends it.</summary>
    StopSignal,

    /// <summary>An instruction for images that are built on this one.</summary>
    OnBuild,
}
