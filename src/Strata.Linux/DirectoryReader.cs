using System.Buffers;
using System.Buffers.Binary;

namespace Strata.Linux;

/// <summary>Reads the names in a directory (getdents64(2)): raw bytes, no decoding, one buffer.</summary>
/// <remarks>Does not own the descriptor. Dispose it to return its buffer. Reading starts where the descriptor's offset stands.</remarks>
public sealed unsafe class DirectoryReader : IDisposable
{
    private const int BufferSize = 64 * 1024;
    private readonly FileDescriptor _directory;
    private byte[]? _buffer = ArrayPool<byte>.Shared.Rent(BufferSize);
    private int _position;
    private int _length;
    private int _nameStart;
    private int _nameLength;

    /// <summary>Starts reading.</summary>
    /// <param name="directory">Opened with read access; it stays the caller's.</param>
    public DirectoryReader(FileDescriptor directory) => _directory = directory;

    /// <summary>The current name; valid until the next <see cref="MoveNext"/>.</summary>
    public ReadOnlySpan<byte> Name => _buffer.AsSpan(_nameStart, _nameLength);

    /// <summary>The current entry's type as a mode's type bits; 0: the file system does not tell.</summary>
    public int Type { get; private set; }

    /// <summary>The current entry's inode number (that of the directory entry: below a mount point it is the covered one).</summary>
    public ulong Inode { get; private set; }

    /// <summary>Goes to the next name, <c>.</c> and <c>..</c> left out; false at the end.</summary>
    public bool MoveNext()
    {
        ObjectDisposedException.ThrowIf(_buffer is null, this);
        while (true)
        {
            if (_position >= _length && !Fill())
                return false;
            var record = _buffer.AsSpan(_position);
            int recordLength = BinaryPrimitives.ReadUInt16LittleEndian(record[16..]);
            _nameStart = _position + 19;
            _nameLength = record[19..recordLength].IndexOf((byte)0);
            Inode = BinaryPrimitives.ReadUInt64LittleEndian(record);
            Type = record[18] << 12; // DT_x is a mode's type bits shifted (dirent.h, DTTOIF)
            _position += recordLength;
            var name = Name;
            if (!(name.SequenceEqual("."u8) || name.SequenceEqual(".."u8)))
                return true;
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (_buffer is not null)
            ArrayPool<byte>.Shared.Return(_buffer);
        _buffer = null;
    }

    private bool Fill()
    {
        fixed (byte* p = _buffer)
        {
            nint n;
            do
                n = Native.syscall3(SyscallNumbers.GetDents64, _directory.Number, (nint)p, BufferSize);
            while (n < 0 && Native.LastErrno == Errno.EINTR);
            if (n < 0 && Native.LastErrno == Errno.ENOENT)
                return false; // removed meanwhile: nothing is in it any more
            if (n < 0)
                throw new LinuxException(Native.LastErrno, "getdents64");
            _position = 0;
            _length = (int)n;
            return n > 0;
        }
    }
}
