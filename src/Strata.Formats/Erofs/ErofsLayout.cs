namespace Strata.Formats.Erofs;

/// <summary>How an inode's data lies (i_format).</summary>
public enum ErofsLayout
{
    /// <summary>In one piece, in blocks of the image.</summary>
    Plain = 0,

    /// <summary>As <see cref="Plain"/>, but the end that fills no block lies behind the inode.</summary>
    Inline = 2,

    /// <summary>In equal chunks, each somewhere in the image or in an extra device.</summary>
    Chunks = 4,
}
