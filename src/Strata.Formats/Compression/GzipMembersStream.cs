using System.Buffers.Binary;
using System.IO.Compression;
using System.IO.Hashing;

namespace Strata.Formats.Compression;

/// <summary>gzip (RFC 1952), strictly: every member's trailer is verified, and nothing may follow the last one, zeros neither.</summary>
/// <remarks>
/// The framework's GZipStream ignores what follows the last member, and its DeflateStream takes a truncated stream for a complete one. So the
/// framing is done here, around the framework's inflater (zlib-ng). That inflater reads ahead without telling how far; but it asks for more
/// only while it has not reached the end of its data. A member can end in few places: nine bytes before the end of the input, or nine before
/// something that looks like the next member's header (the ninth is the last of the deflate data, the other eight are the trailer). So the
/// inflater is fed up to each such place, and then one byte by itself. If it ends on such a byte, the trailer begins right behind; if it ends
/// anywhere else, something is truncated, damaged or not gzip. gzip(1) lets zeros follow, for tapes; Go's reader, which every container
/// engine uses, does not, nor does this one. ISA-L's inflater, where it is installed, tells how far it read: then none of that is needed.
/// </remarks>
internal sealed class GzipMembersStream : ReadOnlyStream
{
    private const int TrailerBytes = 8;
    private readonly InputBuffer _input;
    private readonly MemberFeed _feed;
    private readonly Crc32 _crc = new();
    private readonly IsalInflater? _isal;
    private DeflateStream? _inflater;
    private bool _inMember;
    private uint _memberSize;
    private long _memberOffset;
    private bool _ended;

    /// <param name="input">The compressed data.</param>
    /// <param name="isal">Inflates members if it is there; null: the framework does.</param>
    internal GzipMembersStream(InputBuffer input, IsalInflater? isal)
    {
        _input = input;
        _feed = new MemberFeed(input);
        _isal = isal;
    }

    public override int Read(Span<byte> buffer) => Read(buffer, default);

    public override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count), new ArraySegment<byte>(buffer, offset, count));

    /// <param name="buffer">Where to.</param>
    /// <param name="segment">The same bytes, if it is known which array they belong to.</param>
    private int Read(Span<byte> buffer, ArraySegment<byte> segment)
    {
        if (buffer.IsEmpty)
            return 0;
        while (!_ended)
        {
            if (!_inMember && !BeginMember())
                break;
            _inMember = true;
            if (_isal is not null)
            {
                int inflated = segment.Array is null ? _isal.Read(buffer, _memberOffset) : _isal.Read(segment, _memberOffset);
                if (inflated > 0)
                    return inflated;
                _inMember = false;
                continue;
            }
            int read = _inflater!.Read(buffer);
            if (read > 0)
            {
                _crc.Append(buffer[..read]);
                _memberSize += (uint)read;
                return read;
            }
            EndMember();
        }
        return 0;
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing)
            _inflater?.Dispose();
        base.Dispose(disposing);
    }

    private bool BeginMember()
    {
        _memberOffset = _input.TakenBytes;
        var head = _input.Peek(10);
        if (head.IsEmpty && _memberOffset > 0)
        {
            _ended = true;
            return false;
        }
        if (head.Length < 10 || !MemberFeed.LooksLikeHeader(head))
        {
            throw StrataException.Corrupt(_memberOffset == 0
                ? "The gzip data does not begin with a whole gzip header."
                : $"After the last gzip member something follows that is none, at compressed offset {_memberOffset}.");
        }
        int flags = head[3];
        _crc.Reset();
        TakeHeader(10);
        if ((flags & 4) != 0)
        {
            int extra = BinaryPrimitives.ReadUInt16LittleEndian(Need(2));
            TakeHeader(2);
            Need(extra);
            TakeHeader(extra);
        }
        if ((flags & 8) != 0)
            TakeText();
        if ((flags & 16) != 0)
            TakeText();
        if ((flags & 2) != 0)
        {
            if (BinaryPrimitives.ReadUInt16LittleEndian(Need(2)) != (ushort)_crc.GetCurrentHashAsUInt32())
                throw StrataException.Corrupt($"The header of the gzip member at compressed offset {_memberOffset} is damaged: its checksum is wrong.");
            _input.Take(2);
        }
        if (_isal is not null)
        {
            _isal.Begin();
            return true;
        }
        _crc.Reset();
        _memberSize = 0;
        _feed.Begin();
        _inflater = new DeflateStream(_feed, CompressionMode.Decompress, leaveOpen: true);
        return true;
    }

    private void EndMember()
    {
        _inflater!.Dispose();
        _inflater = null;
        _inMember = false;
        if (_feed.Starved)
            throw StrataException.Corrupt($"The gzip data is truncated: it ends at compressed offset {_input.TakenBytes}, inside the member that begins at {_memberOffset}.");
        if (!_feed.EndedOnBoundary)
        {
            throw StrataException.Corrupt(
                $"The gzip member at compressed offset {_memberOffset} ends before {_input.TakenBytes}, but is not followed by its trailer and then by the end or by another member: "
                + "the data is truncated or damaged there, or something else was appended.");
        }
        var trailer = _input.Peek(TrailerBytes);
        uint crc = BinaryPrimitives.ReadUInt32LittleEndian(trailer);
        uint size = BinaryPrimitives.ReadUInt32LittleEndian(trailer[4..]);
        if (crc != _crc.GetCurrentHashAsUInt32() || size != _memberSize)
        {
            throw StrataException.Corrupt(
                $"The gzip member at compressed offset {_memberOffset} is damaged: its {(crc == _crc.GetCurrentHashAsUInt32() ? "size" : "checksum")} differs from the one in its trailer, at {_input.TakenBytes}.");
        }
        _input.Take(TrailerBytes);
    }

    private void TakeText()
    {
        while (true)
        {
            var bytes = Need(1);
            int end = bytes.IndexOf((byte)0);
            TakeHeader(end < 0 ? bytes.Length : end + 1);
            if (end >= 0)
                return;
        }
    }

    private void TakeHeader(int count)
    {
        _crc.Append(_input.Peek(count)[..count]);
        _input.Take(count);
    }

    private ReadOnlySpan<byte> Need(int count)
    {
        var bytes = _input.Peek(count);
        return bytes.Length >= count
            ? bytes
            : throw StrataException.Corrupt($"The gzip data is truncated: it ends inside the header of the member at compressed offset {_memberOffset}.");
    }

    /// <summary>What the inflater reads from: stops at each place where a member can end.</summary>
    private sealed class MemberFeed(InputBuffer input) : ReadOnlyStream
    {
        private const int HeaderLookBytes = 4;

        /// <summary>From the last byte of the deflate data to the first byte behind the trailer.</summary>
        private const int BoundaryBytes = TrailerBytes + 1;

        /// <summary>True if the input ended while more was wanted.</summary>
        internal bool Starved { get; private set; }

        /// <summary>True if what was handed out last is one byte, and the last that a member here can have.</summary>
        internal bool EndedOnBoundary { get; private set; }

        internal static bool LooksLikeHeader(ReadOnlySpan<byte> bytes) =>
            bytes.Length >= HeaderLookBytes && bytes[0] == 0x1F && bytes[1] == 0x8B && bytes[2] == 8 && (bytes[3] & 0xE0) == 0;

        internal void Begin() => Starved = EndedOnBoundary = false;

        public override int Read(Span<byte> buffer)
        {
            var bytes = input.Peek(BoundaryBytes + HeaderLookBytes);
            if (bytes.IsEmpty)
            {
                Starved = true;
                return 0;
            }
            bool ends = input.SourceEnded && bytes.Length <= buffer.Length + BoundaryBytes;
            bytes = bytes[..Math.Min(bytes.Length, buffer.Length + BoundaryBytes + HeaderLookBytes - 1)];
            int boundary = NextBoundary(bytes, ends);
            // Without a boundary: all, but for the bytes that may belong to one that can't be seen yet.
            int count = boundary > 0 ? boundary
                : boundary == 0 ? 1
                : input.SourceEnded ? bytes.Length
                : bytes.Length - (BoundaryBytes + HeaderLookBytes - 1);
            count = Math.Min(count, buffer.Length);
            bytes[..count].CopyTo(buffer);
            input.Take(count);
            EndedOnBoundary = boundary == 0;
            return count;
        }

        /// <summary>Where the last byte of a member's deflate data may lie; -1: nowhere in these bytes.</summary>
        private static int NextBoundary(ReadOnlySpan<byte> bytes, bool ends)
        {
            int at = BoundaryBytes;
            while (at < bytes.Length)
            {
                int found = bytes[at..].IndexOf((ReadOnlySpan<byte>)[0x1F, 0x8B, 8]);
                if (found < 0)
                    break;
                at += found;
                if (LooksLikeHeader(bytes[at..]))
                    return at - BoundaryBytes;
                at++;
            }
            return ends ? bytes.Length - BoundaryBytes : -1;
        }
    }
}
