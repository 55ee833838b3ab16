using Strata.Linux;

namespace Strata.Trees;

/// <summary>What a directory that holds only what changed says by marks of its driver: given to the comparer by the driver.</summary>
public interface IMarkReader
{
    /// <summary>True if an attribute of that name may be a mark: what has none of them is not asked about.</summary>
    bool IsMark(ReadOnlySpan<byte> attribute);

    /// <summary>True if the object at a name stands for a removal.</summary>
    bool IsRemoval(int directory, ReadOnlySpan<byte> name, FileStatus status);

    /// <summary>True if nothing of the layers below shows in a directory.</summary>
    bool IsOpaque(FileDescriptor directory);

    /// <summary>True if a directory shows what lies elsewhere below: it was renamed.</summary>
    bool IsRedirected(FileDescriptor directory);

    /// <summary>True if a file holds only metadata, its data lying below.</summary>
    bool IsMetadataOnly(int directory, ReadOnlySpan<byte> name, FileStatus status);

    /// <summary>True if a name is the driver's own, and nothing of the layer.</summary>
    bool IsOwnName(ReadOnlySpan<byte> name) => false;
}
