using System.Runtime.InteropServices;

namespace Strata.Linux;

/// <summary>An owned file descriptor: closed once, when disposed or finalized.</summary>
public sealed class FileDescriptor : SafeHandle
{
    /// <summary>Takes over a descriptor.</summary>
    public FileDescriptor(int number)
        : base(-1, ownsHandle: true) => SetHandle(number);

    /// <inheritdoc/>
    public override bool IsInvalid => handle < 0;

    /// <summary>The number. The owner must be kept alive while it is used.</summary>
    public int Number => (int)handle;

    /// <summary>The path under which this process can reach the open file through procfs (proc(5)).</summary>
    public string ProcPath => $"/proc/self/fd/{Number}";

    /// <inheritdoc/>
    protected override bool ReleaseHandle() => Native.close((int)handle) == 0;
}
