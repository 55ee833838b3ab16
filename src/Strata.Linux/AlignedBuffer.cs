using System.Runtime.InteropServices;

namespace Strata.Linux;

/// <summary>Memory that begins on a page, as direct I/O wants it (open(2), O_DIRECT). Not zeroed. Freed when it is disposed, or collected.</summary>
public sealed unsafe class AlignedBuffer : SafeHandle
{
    /// <summary>What it is aligned to, in bytes: more than any device asks for.</summary>
    public const int Alignment = 4096;

    /// <summary>Takes memory.</summary>
    /// <param name="sizeBytes">How much.</param>
    public AlignedBuffer(int sizeBytes)
        : base(0, ownsHandle: true)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(sizeBytes, 1);
        SizeBytes = sizeBytes;
        SetHandle((nint)NativeMemory.AlignedAlloc((nuint)sizeBytes, Alignment));
    }

    /// <inheritdoc/>
    public override bool IsInvalid => handle == 0;

    /// <summary>Its size.</summary>
    public int SizeBytes { get; }

    /// <summary>All of it. Not to be used after disposing.</summary>
    public Span<byte> Span => new((void*)handle, SizeBytes);

    /// <inheritdoc/>
    protected override bool ReleaseHandle()
    {
        NativeMemory.AlignedFree((void*)handle);
        return true;
    }
}
