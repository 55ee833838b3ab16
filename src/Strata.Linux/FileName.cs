using System.Buffers;
using System.Text;

namespace Strata.Linux;

/// <summary>A file name or path as the kernel takes it: bytes that end in NUL, on the stack where they are short.</summary>
/// <remarks>Names are bytes on Linux; nothing is decoded. A NUL inside is refused, since the kernel would cut there.</remarks>
internal ref struct FileName
{
    private readonly Span<byte> _bytes;
    private byte[]? _rented;

    public FileName(ReadOnlySpan<byte> name, Span<byte> scratch)
    {
        if (name.IndexOf((byte)0) >= 0)
            throw StrataException.InvalidArgument("A file name can't hold a NUL byte.");
        if (name.Length >= scratch.Length)
        {
            _rented = ArrayPool<byte>.Shared.Rent(name.Length + 1);
            scratch = _rented;
        }
        name.CopyTo(scratch);
        scratch[name.Length] = 0;
        _bytes = scratch[..(name.Length + 1)];
    }

    public readonly ref byte Pointer => ref _bytes[0];

    public static string Show(ReadOnlySpan<byte> name) => EntryPath.Display(name);

    public static byte[] Of(string name) => Encoding.UTF8.GetBytes(name);

    public void Dispose()
    {
        if (_rented is not null)
            ArrayPool<byte>.Shared.Return(_rented);
        _rented = null;
    }
}
