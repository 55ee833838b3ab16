using System.Buffers.Binary;
using System.IO.Compression;
using System.IO.Hashing;

namespace Strata.Formats.Compression;

/// <summary>gzip (RFC 1952), strictly: every member's trailer is verified, and nothing may follow the last one.</summary>
/// <remarks>
/// The framework's GZipStream ignores what follows the last member, and its DeflateStream takes a truncated stream for a complete one. So the
/// framing is done here, around the framework's inflater (zlib-ng). The inflater reads ahead and does not tell how far; but the trailer that
/// must follow is known by then (CRC-32 and size of what came out), so it is looked for in the last chunk that the inflater was given. Where
/// it isn't, the member is truncated or damaged.
/// </remarks>
internal sealed class GzipMembersStream : ReadOnlyStream
{
    private const int TrailerBytes = 8;
    private readonly InputBuffer _input;
    private readonly Feed _feed;
    private readonly Crc32 _crc = new();
    private DeflateStream? _inflater;
    private uint _memberSize;
    private long _memberOffset;
    private bool _ended;

    internal GzipMembersStream(InputBuffer input)
    {
        _input = input;
        _feed = new Feed(input);
    }

    public override int Read(Span<byte> buffer)
    {
        if (buffer.IsEmpty)
            return 0;
        while (!_ended)
        {
            if (_inflater is null && !BeginMember())
                break;
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
        {
            _inflater?.Dispose();
            _input.Dispose();
        }
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
        if (head.Length < 10 || head[0] != 0x1F || head[1] != 0x8B || head[2] != 8 || (head[3] & 0xE0) != 0)
        {
            throw StrataException.Corrupt(_memberOffset == 0
                ? "The gzip data does not begin with a whole gzip header."
                : $"Garbage follows the last gzip member, at compressed offset {_memberOffset}.");
        }
        int flags = head[3];
        _input.Take(10);
        if ((flags & 4) != 0)
        {
            var length = Need(2);
            int extra = BinaryPrimitives.ReadUInt16LittleEndian(length);
            _input.Take(2);
            Need(extra);
            _input.Take(extra);
        }
        for (int field = 8; field <= 16; field <<= 1) // FNAME, FCOMMENT: each ends in NUL
        {
            if ((flags & field) == 0)
                continue;
            while (true)
            {
                byte b = Need(1)[0];
                _input.Take(1);
                if (b == 0)
                    break;
            }
        }
        if ((flags & 2) != 0)
        {
            Need(2);
            _input.Take(2);
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
        Span<byte> trailer = stackalloc byte[TrailerBytes];
        BinaryPrimitives.WriteUInt32LittleEndian(trailer, _crc.GetCurrentHashAsUInt32());
        BinaryPrimitives.WriteUInt32LittleEndian(trailer[4..], _memberSize);
        // The deflate data ends inside the last chunk or at its end: the trailer begins at one of these places.
        int last = _feed.LastChunkBytes;
        _input.GiveBack(last);
        var window = _input.Peek(last + TrailerBytes);
        int at = window.IndexOf(trailer);
        if (at < 0)
            throw StrataException.Corrupt($"The gzip member at compressed offset {_memberOffset} is truncated or damaged: the checksum and size that must end it are not there.");
        _input.Take(at + TrailerBytes);
    }

    private ReadOnlySpan<byte> Need(int count)
    {
        var bytes = _input.Peek(count);
        return bytes.Length == count ? bytes : throw StrataException.Corrupt($"The gzip member at compressed offset {_memberOffset} ends inside its header.");
    }

    /// <summary>What the inflater reads from: remembers how much it gave last.</summary>
    private sealed class Feed(InputBuffer input) : ReadOnlyStream
    {
        internal int LastChunkBytes { get; private set; }

        internal void Begin() => LastChunkBytes = 0;

        public override int Read(Span<byte> buffer)
        {
            int read = input.Read(buffer[..Math.Min(buffer.Length, InputBuffer.HistoryBytes)]);
            if (read > 0)
                LastChunkBytes = read;
            return read;
        }
    }
}
