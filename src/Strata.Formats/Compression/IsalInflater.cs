using System.Buffers.Binary;
using System.Runtime.InteropServices;

namespace Strata.Formats.Compression;

/// <summary>Inflates gzip members with Intel's ISA-L (libisal.so.2, igzip_lib.h), where it is installed: about twice as fast as zlib-ng.</summary>
/// <remarks>
/// <para>
/// Reading into an array inflates right into it, from the input's own buffer: ISA-L copies 96 KB of its own at each call, so large arrays pay. It
/// reads the deflate data and the trailer and verifies the latter; the header is the caller's. It takes from the input exactly what belongs to
/// the member. Its state is a struct of the library's, kept as bytes and looked at by offset; <see cref="IsAvailable"/> is true only if a sample
/// came out right and left the state as this class expects it. Memory: 128 KB, pinned, and 192 KB more for reading into spans.
/// </para>
/// </remarks>
internal sealed class IsalInflater
{
    private const string Library = "libisal.so.2";
    private const int StateBytes = 128 * 1024; // the struct has 87,368
    private const int OutputBytes = 192 * 1024;

    // struct inflate_state, on machines with 64 bits
    private const int NextOut = 0, AvailableOut = 8, NextIn = 16, AvailableIn = 32, BlockState = 21_160, Wrapper = 21_172;
    private const int BlockFinish = 5;
    private const int GzipWithoutHeader = 6; // ISAL_GZIP_NO_HDR_VER
    private const int WrongChecksum = -6;
    private static readonly Lazy<bool> Found = new(Probe);
    private readonly InputBuffer _input;
    private readonly byte[] _state = GC.AllocateArray<byte>(StateBytes, pinned: true);
    private byte[]? _out;
    private int _start;
    private int _end;

    internal IsalInflater(InputBuffer input)
    {
        _input = input;
        InflateInit(Address(_state));
    }

    /// <summary>True if the library is there and is the one that this class knows.</summary>
    internal static bool IsAvailable => Found.Value;

    /// <summary>True once the member and its trailer were read.</summary>
    private bool IsFinished => BinaryPrimitives.ReadInt32LittleEndian(_state.AsSpan(BlockState)) == BlockFinish;

    /// <summary>The input stands behind a member's header.</summary>
    internal void Begin()
    {
        InflateReset(Address(_state));
        BinaryPrimitives.WriteInt32LittleEndian(_state.AsSpan(Wrapper), GzipWithoutHeader);
        _start = _end = 0;
    }

    /// <summary>The next bytes of the member; 0: it has ended, its trailer was right, and the input stands behind it.</summary>
    /// <exception cref="StrataException">Corrupt: truncated or damaged.</exception>
    internal int Read(Span<byte> buffer, long memberOffset)
    {
        if (_start == _end)
        {
            _out ??= GC.AllocateUninitializedArray<byte>(OutputBytes);
            _start = 0;
            _end = Inflate(new ArraySegment<byte>(_out), memberOffset);
        }
        int count = Math.Min(buffer.Length, _end - _start);
        _out.AsSpan(_start, count).CopyTo(buffer);
        _start += count;
        return count;
    }

    /// <summary>As <see cref="Read(Span{byte}, long)"/>, without a copy.</summary>
    internal int Read(ArraySegment<byte> buffer, long memberOffset) =>
        _start == _end ? Inflate(buffer, memberOffset) : Read(buffer.AsSpan(), memberOffset);

    /// <summary>At least a byte, or 0 at the end of the member.</summary>
    private int Inflate(ArraySegment<byte> output, long memberOffset)
    {
        using var to = new PinnedGCHandle<byte[]>(output.Array!);
        while (!IsFinished)
        {
            var given = _input.PeekSegment(1);
            int taken, made, result;
            using (var from = new PinnedGCHandle<byte[]>(given.Array!))
            {
                var state = _state.AsSpan();
                BinaryPrimitives.WriteInt64LittleEndian(state[NextIn..], Marshal.UnsafeAddrOfPinnedArrayElement(given.Array!, given.Offset));
                BinaryPrimitives.WriteInt32LittleEndian(state[AvailableIn..], given.Count);
                BinaryPrimitives.WriteInt64LittleEndian(state[NextOut..], Marshal.UnsafeAddrOfPinnedArrayElement(output.Array!, output.Offset));
                BinaryPrimitives.WriteInt32LittleEndian(state[AvailableOut..], output.Count);
                result = IsalInflate(Address(_state));
                taken = given.Count - BinaryPrimitives.ReadInt32LittleEndian(state[AvailableIn..]);
                made = output.Count - BinaryPrimitives.ReadInt32LittleEndian(state[AvailableOut..]);
            }
            if (taken < 0 || taken > given.Count || made < 0 || made > output.Count)
                throw new InvalidOperationException($"{Library} left a state that makes no sense.");
            _input.Take(taken);
            if (result == WrongChecksum)
                throw StrataException.Corrupt($"The gzip member at compressed offset {memberOffset} is damaged: its checksum or size differs from the one in its trailer, before {_input.TakenBytes}.");
            if (result < 0)
                throw StrataException.Corrupt($"The gzip member at compressed offset {memberOffset} is damaged, at or before compressed offset {_input.TakenBytes} (ISA-L error {result}).");
            if (made > 0)
                return made;
            if (taken == 0 && !IsFinished)
            {
                throw _input.SourceEnded
                    ? StrataException.Corrupt($"The gzip data is truncated: it ends at compressed offset {_input.TakenBytes}, inside the member that begins at {memberOffset}.")
                    : StrataException.Corrupt($"The gzip member at compressed offset {memberOffset} can't be read on at {_input.TakenBytes} (ISA-L result {result}).");
            }
        }
        return 0;
    }

    private static bool Probe()
    {
        if (IntPtr.Size != 8 || !BitConverter.IsLittleEndian || !NativeLibrary.TryLoad(Library, out nint library))
            return false;
        foreach (string name in new[] { "isal_inflate", "isal_inflate_init", "isal_inflate_reset" })
        {
            if (!NativeLibrary.TryGetExport(library, name, out _))
                return false;
        }
        // "strata strata strata", deflated, with its trailer, twice: a member must end where it ends.
        byte[] sample = Convert.FromHexString("2B2E294A2C49542846A600E1639A4514000000");
        byte[] text = "strata strata strata"u8.ToArray();
        return Try([.. sample, .. sample], text);
    }

    private static bool Try(byte[] twice, byte[] text)
    {
        try
        {
            using var input = new InputBuffer(new MemoryStream(twice), leaveOpen: false);
            var inflater = new IsalInflater(input);
            for (int member = 1; member <= 2; member++)
            {
                inflater.Begin();
                byte[] found = new byte[text.Length + 1];
                int length = 0;
                for (int read; (read = inflater.Read(found.AsSpan(length), 0)) > 0;)
                    length += read;
                if (!found.AsSpan(0, length).SequenceEqual(text) || input.TakenBytes != twice.Length / 2 * member)
                    return false;
            }
            return true;
        }
        catch (Exception e) when (e is StrataException or InvalidOperationException or ArgumentException)
        {
            return false; // another library than the one that is known: zlib-ng serves
        }
    }

    private static nint Address(byte[] pinned) => Marshal.UnsafeAddrOfPinnedArrayElement(pinned, 0);

    // Not LibraryImport, whose generated code is unsafe: these take and give numbers only.
#pragma warning disable SYSLIB1054
    [DllImport(Library, EntryPoint = "isal_inflate_init", ExactSpelling = true)]
    private static extern void InflateInit(nint state);

    [DllImport(Library, EntryPoint = "isal_inflate_reset", ExactSpelling = true)]
    private static extern void InflateReset(nint state);

    [DllImport(Library, EntryPoint = "isal_inflate", ExactSpelling = true)]
    private static extern int IsalInflate(nint state);
#pragma warning restore SYSLIB1054
}
