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
}
