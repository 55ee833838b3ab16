using System.Runtime.InteropServices;

namespace Strata.Linux;

/// <summary>Flags of open(2). Some differ by architecture (asm/fcntl.h): those are fields, not constants.</summary>
public static class OpenFlags
{
    private static readonly bool Arm = RuntimeInformation.ProcessArchitecture is Architecture.Arm64 or Architecture.Arm;

    /// <summary>Read only.</summary>
    public const int ReadOnly = 0;

    /// <summary>Write only.</summary>
    public const int WriteOnly = 1;

    /// <summary>Read and write.</summary>
    public const int ReadWrite = 2;

    /// <summary>Create if it is not there.</summary>
    public const int Create = 0x40;

    /// <summary>Fail if it is there.</summary>
    public const int Exclusive = 0x80;

    /// <summary>Cut to nothing.</summary>
    public const int Truncate = 0x200;

    /// <summary>Append.</summary>
    public const int Append = 0x400;

    /// <summary>Do not block on fifos and devices.</summary>
    public const int NonBlock = 0x800;

    /// <summary>Close on exec. Always given by this room.</summary>
    public const int CloseOnExec = 0x80000;

    /// <summary>A handle on the path alone (Linux 2.6.39).</summary>
    public const int Path = 0x200000;

    /// <summary>Do not touch the access time; only the owner may.</summary>
    public const int NoAccessTime = 0x40000;

    /// <summary>Fail if it is no directory.</summary>
    public static readonly int Directory = Arm ? 0x4000 : 0x10000;

    /// <summary>A file without a name in the directory that is opened (O_TMPFILE).</summary>
    public static readonly int Unnamed = 0x400000 | Directory;

    /// <summary>Fail if the last component is a symbolic link.</summary>
    public static readonly int NoFollow = Arm ? 0x8000 : 0x20000;
}
