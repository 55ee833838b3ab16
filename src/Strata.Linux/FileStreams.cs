using Microsoft.Win32.SafeHandles;

namespace Strata.Linux;

/// <summary>Turns an owned descriptor into a stream of the framework.</summary>
public static class FileStreams
{
    /// <summary>A stream over a descriptor; the stream owns it from now on.</summary>
    public static FileStream OpenRead(FileDescriptor file)
    {
        int number = file.Number;
        file.SetHandleAsInvalid();
        return new FileStream(new SafeFileHandle(number, ownsHandle: true), FileAccess.Read, bufferSize: 0);
    }

    /// <summary>Hands an open file over to a handle of .NET's, without the lock that .NET takes when it opens one itself.</summary>
    /// <param name="file">The file; no longer usable afterwards.</param>
    public static SafeFileHandle ToHandle(FileDescriptor file)
    {
        int number = file.Number;
        file.SetHandleAsInvalid();
        return new SafeFileHandle(number, ownsHandle: true);
    }
}
