using Strata.Formats.Compression;
using System.Buffers;
using System.Buffers.Text;
using System.Text.Unicode;

namespace Strata.Formats.Tar;

/// <summary>Writes a tar, deterministically: the same entries give the same bytes.</summary>
/// <remarks>
/// A plain ustar header where all fits, else a PAX extended header before it with just the records that are needed, in a fixed order. User
/// and group names, access and change times are never written. Sparse content is written in full: OCI says that sparse entries should not be
/// used. Names are written as the bytes they are; where a PAX record holds one that is not UTF-8, the record <c>hdrcharset=BINARY</c> says so.
/// Output is gathered in one pooled buffer and reaches the destination at the latest with <see cref="WriteEnd"/>. After a failure what was
/// written is no tar: throw it away; the writer takes nothing more. Not safe for many threads. Source: POSIX.1-2017 pax.
/// </remarks>
public sealed class TarWriter : IDisposable
{
    private const int BufferSize = 256 * 1024;
    private const long MaxOctal12 = (1L << 33) - 1;
    private const int MaxOctal8 = (1 << 21) - 1;
    private static readonly byte[] Zeros = new byte[64 * 1024];
    private readonly Stream _destination;
    private readonly bool _leaveOpen;
    private readonly ArrayBufferWriter<byte> _pax = new(1024);
    private byte[]? _buffer = ArrayPool<byte>.Shared.Rent(BufferSize);
    private int _length;
    private bool _failed;

    /// <summary>Starts a tar.</summary>
    public TarWriter(Stream destination, bool leaveOpen = false)
    {
        _destination = destination;
        _leaveOpen = leaveOpen;
    }

    /// <summary>Writes one entry.</summary>
    /// <param name="entry">The entry. Its <see cref="TarEntry.Extents"/> are not looked at.</param>
    /// <param name="content">The content of a regular file, exactly as long as the entry's size; not read for other types.</param>
    /// <exception cref="StrataException">
    /// InvalidArgument: a name, an ID, a size or a type that no tar holds, sockets among them. NotSupported: an extended attribute or a device number
    /// that has no form. Corrupt: the content is shorter or longer than told. FailedPrecondition: an entry failed before.
    /// </exception>
    public void Write(TarEntry entry, EntryContent content)
    {
        Check(entry);
        ThrowIfFailed();
        _failed = true;
        WriteHeader(entry);
        if (entry.Type == TarEntryType.RegularFile)
            WriteContent(entry, content);
        _failed = false;
    }

    /// <summary>Writes a regular file whose content comes from somebody who writes into a stream.</summary>
    /// <param name="entry">The entry, a regular file.</param>
    /// <param name="write">Writes exactly <see cref="TarEntry.SizeBytes"/> bytes. It may close its stream; the destination stays open.</param>
    /// <exception cref="StrataException">As for an entry with content; Corrupt: more or fewer bytes were written.</exception>
    public void Write(TarEntry entry, Action<Stream> write)
    {
        Check(entry);
        if (entry.Type != TarEntryType.RegularFile)
            throw StrataException.InvalidArgument($"{entry} can't be written to a tar: only a regular file has content.");
        ThrowIfFailed();
        _failed = true;
        WriteHeader(entry);
        Flush();
        var counted = new CountingStream(_destination, entry);
        write(counted);
        counted.RequireWhole();
        Pad(entry.SizeBytes);
        _failed = false;
    }

    /// <summary>Writes the two zero blocks that end a tar, and all that was held back.</summary>
    public void WriteEnd()
    {
        ThrowIfFailed();
        Append(Zeros.AsSpan(0, 2 * TarHeader.BlockSize));
        Flush();
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (_buffer is null)
            return;
        ArrayPool<byte>.Shared.Return(_buffer);
        _buffer = null;
        if (!_leaveOpen)
            _destination.Dispose();
    }

    private static void Check(TarEntry entry)
    {
        bool isLink = entry.Type is TarEntryType.HardLink or TarEntryType.Symlink;
        string? wrong =
            entry.Name.Length == 0 || entry.Name.AsSpan().IndexOf((byte)0) >= 0 ? "its name is empty or has a NUL in it"
            : entry.Type is < TarEntryType.RegularFile or > TarEntryType.Fifo ? "a tar has no such type"
            : isLink && (entry.LinkName.Length == 0 || entry.LinkName.AsSpan().IndexOf((byte)0) >= 0) ? "its target is empty or has a NUL in it"
            : entry.Type == TarEntryType.RegularFile && entry.Name[^1] == (byte)'/' ? "a regular file whose name ends in a slash would be read as a directory"
            : entry.SizeBytes < 0 ? "its size is negative"
            : entry.Uid == uint.MaxValue || entry.Gid == uint.MaxValue ? "the ID 4294967295 means 'none' to Linux"
            : entry.Mtime.Nanoseconds is < 0 or > 999_999_999 ? "its time has more or less than 0 to 999999999 nanoseconds"
            : null;
        if (wrong is not null)
            throw StrataException.InvalidArgument($"{entry} can't be written to a tar: {wrong}.");
        bool isDevice = entry.Type is TarEntryType.CharDevice or TarEntryType.BlockDevice;
        if (isDevice && (entry.DeviceMajor > MaxOctal8 || entry.DeviceMinor > MaxOctal8))
            throw StrataException.NotSupported($"{entry} can't be written to a tar: its device number {entry.DeviceMajor}:{entry.DeviceMinor} is too large for a header.");
        foreach (var xattr in entry.Xattrs)
        {
            if (xattr.Name.Length == 0 || xattr.Name.AsSpan().IndexOfAny((byte)'=', (byte)0) >= 0)
                throw StrataException.NotSupported($"{entry} can't be written to a tar: its extended attribute '{EntryPath.Display(xattr.Name)}' has a name that PAX can't hold.");
        }
    }

    private void ThrowIfFailed()
    {
        if (_failed)
            throw StrataException.FailedPrecondition("The tar can't be continued: an entry of it failed before. Throw away what was written.");
    }

    private void WriteHeader(TarEntry entry)
    {
        _pax.ResetWrittenCount();
        bool isLink = entry.Type is TarEntryType.HardLink or TarEntryType.Symlink;
        bool isDevice = entry.Type is TarEntryType.CharDevice or TarEntryType.BlockDevice;
        long sizeBytes = entry.Type == TarEntryType.RegularFile ? entry.SizeBytes : 0;
        byte[] linkName = isLink ? entry.LinkName : [];
        bool nameFits = TrySplit(entry.Name, out var name, out var prefix);
        bool linkFits = linkName.Length <= 100;
        if ((!nameFits && !Utf8.IsValid(entry.Name)) || (!linkFits && !Utf8.IsValid(linkName)))
            AddRecord("hdrcharset"u8, "BINARY"u8);
        if (!nameFits)
            AddRecord("path"u8, entry.Name);
        if (!linkFits)
            AddRecord("linkpath"u8, linkName);
        if (sizeBytes > MaxOctal12)
            AddRecord("size"u8, sizeBytes);
        if (entry.Uid > MaxOctal8)
            AddRecord("uid"u8, entry.Uid);
        if (entry.Gid > MaxOctal8)
            AddRecord("gid"u8, entry.Gid);
        bool timeFits = entry.Mtime.Nanoseconds == 0 && entry.Mtime.Seconds is >= 0 and <= MaxOctal12;
        if (!timeFits)
            AddTime(entry.Mtime);
        foreach (var xattr in Sorted(entry.Xattrs))
            AddRecord([.. "SCHILY.xattr."u8, .. xattr.Name], xattr.Value);
        if (_pax.WrittenCount > 0)
        {
            Span<byte> extended = stackalloc byte[TarHeader.BlockSize];
            FillHeader(extended, "././@PaxHeader"u8, default, default, (byte)'x', 0, 0, 0, _pax.WrittenCount, 0, 0, 0);
            Append(extended);
            Append(_pax.WrittenSpan);
            Pad(_pax.WrittenCount);
        }
        Span<byte> block = stackalloc byte[TarHeader.BlockSize];
        var link = linkName.AsSpan(0, Math.Min(linkName.Length, 100));
        FillHeader(
            block, name, prefix, link, (byte)entry.Type, entry.Mode, entry.Uid > MaxOctal8 ? 0 : entry.Uid, entry.Gid > MaxOctal8 ? 0 : entry.Gid,
            sizeBytes > MaxOctal12 ? 0 : sizeBytes, timeFits ? entry.Mtime.Seconds : Math.Clamp(entry.Mtime.Seconds, 0, MaxOctal12),
            isDevice ? entry.DeviceMajor : 0, isDevice ? entry.DeviceMinor : 0);
        Append(block);
    }

    private static IReadOnlyList<Xattr> Sorted(IReadOnlyList<Xattr> xattrs)
    {
        for (int i = 1; i < xattrs.Count; i++)
        {
            if (xattrs[i - 1].Name.AsSpan().SequenceCompareTo(xattrs[i].Name) > 0)
                return [.. xattrs.OrderBy(xattr => xattr.Name, Comparer<byte[]>.Create((a, b) => a.AsSpan().SequenceCompareTo(b)))];
        }
        return xattrs;
    }

    /// <summary>Splits a name between ustar's name and prefix fields, at the first slash that lets it fit; false: it does not fit.</summary>
    private static bool TrySplit(byte[] whole, out ReadOnlySpan<byte> name, out ReadOnlySpan<byte> prefix)
    {
        name = whole.AsSpan(0, Math.Min(whole.Length, 100));
        prefix = default;
        if (whole.Length <= 100)
            return true;
        if (whole.Length > 256)
            return false;
        var front = whole.AsSpan(whole.Length - 101);
        int slash = front[..^1].IndexOf((byte)'/');
        int at = slash < 0 ? -1 : whole.Length - 101 + slash;
        if (at is <= 0 or > 155)
            return false;
        prefix = whole.AsSpan(0, at);
        name = whole.AsSpan(at + 1);
        return true;
    }

    private static void FillHeader(
        Span<byte> block, ReadOnlySpan<byte> name, ReadOnlySpan<byte> prefix, ReadOnlySpan<byte> link, byte type, int mode, long uid, long gid,
        long size, long mtime, uint major, uint minor)
    {
        block.Clear();
        name.CopyTo(block);
        Octal(block.Slice(100, 8), mode & 0xFFF);
        Octal(block.Slice(108, 8), uid);
        Octal(block.Slice(116, 8), gid);
        Octal(block.Slice(124, 12), size);
        Octal(block.Slice(136, 12), mtime);
        block[156] = type;
        link.CopyTo(block[157..]);
        "ustar\0"u8.CopyTo(block[257..]);
        "00"u8.CopyTo(block[263..]);
        Octal(block.Slice(329, 8), major);
        Octal(block.Slice(337, 8), minor);
        prefix.CopyTo(block[345..]);
        Octal(block.Slice(148, 7), TarHeader.Checksum(block));
        block[155] = (byte)' ';
    }

    private static void Octal(Span<byte> field, long value)
    {
        for (int i = field.Length - 2; i >= 0; i--, value >>= 3)
            field[i] = (byte)('0' + (value & 7));
    }

    private void AddRecord(ReadOnlySpan<byte> key, long value)
    {
        Span<byte> text = stackalloc byte[24];
        Utf8Formatter.TryFormat(value, text, out int length);
        AddRecord(key, text[..length]);
    }

    private void AddTime(FileTime time)
    {
        // Before 1970 seconds count down and the fraction with them: -0.5 is second -1 and half a second.
        bool negative = time.Seconds < 0;
        ulong seconds = negative && time.Nanoseconds > 0 ? (ulong)-(time.Seconds + 1) : negative ? 0 - (ulong)time.Seconds : (ulong)time.Seconds;
        uint fraction = (uint)(negative && time.Nanoseconds > 0 ? 1_000_000_000 - time.Nanoseconds : time.Nanoseconds);
        Span<byte> text = stackalloc byte[40];
        int length = 0;
        if (negative)
            text[length++] = (byte)'-';
        Utf8Formatter.TryFormat(seconds, text[length..], out int digits);
        length += digits;
        if (fraction != 0)
        {
            text[length++] = (byte)'.';
            Utf8Formatter.TryFormat(fraction, text[length..], out digits, new StandardFormat('D', 9));
            length += digits;
            while (text[length - 1] == (byte)'0')
                length--;
        }
        AddRecord("mtime"u8, text[..length]);
    }

    /// <summary>A record tells its own length, the digits of that length included.</summary>
    private void AddRecord(ReadOnlySpan<byte> key, ReadOnlySpan<byte> value)
    {
        int body = key.Length + value.Length + 3;
        int length = body + Digits(body);
        if (body + Digits(length) != length)
            length = body + Digits(length);
        var span = _pax.GetSpan(length);
        Utf8Formatter.TryFormat(length, span, out int used);
        span[used++] = (byte)' ';
        key.CopyTo(span[used..]);
        used += key.Length;
        span[used++] = (byte)'=';
        value.CopyTo(span[used..]);
        span[length - 1] = (byte)'\n';
        _pax.Advance(length);
    }

    private static int Digits(int number)
    {
        int digits = 1;
        for (; number >= 10; number /= 10)
            digits++;
        return digits;
    }

    private void WriteContent(TarEntry entry, EntryContent content)
    {
        long written = 0;
        if (content.Extents is { } extents)
        {
            foreach (var extent in extents)
            {
                if (extent.OffsetBytes < written || extent.LengthBytes < 0 || extent.LengthBytes > entry.SizeBytes - extent.OffsetBytes)
                    throw StrataException.Corrupt($"'{EntryPath.Display(entry.Name)}' has data beyond the {entry.SizeBytes} bytes that were told, or out of order: it was changed while it was read.");
                AppendZeros(extent.OffsetBytes - written);
                Copy(content, extent.LengthBytes, entry);
                written = extent.OffsetBytes + extent.LengthBytes;
            }
            AppendZeros(entry.SizeBytes - written);
        }
        else
        {
            Copy(content, entry.SizeBytes, entry);
        }
        if (!content.ReadChunk(1).IsEmpty)
            throw StrataException.Corrupt($"'{EntryPath.Display(entry.Name)}' has more than the {entry.SizeBytes} bytes that were told: it was changed while it was read.");
        Pad(entry.SizeBytes);
    }

    private void Copy(EntryContent content, long count, TarEntry entry)
    {
        while (count > 0)
        {
            var chunk = content.ReadChunk((int)Math.Min(count, 1 << 20));
            if (chunk.IsEmpty)
                throw StrataException.Corrupt($"'{EntryPath.Display(entry.Name)}' has fewer than the {entry.SizeBytes} bytes that were told: it was changed while it was read.");
            Append(chunk);
            count -= chunk.Length;
        }
    }

    private void AppendZeros(long count)
    {
        for (; count > 0; count -= Math.Min(count, Zeros.Length))
            Append(Zeros.AsSpan(0, (int)Math.Min(count, Zeros.Length)));
    }

    private void Pad(long size) => Append(Zeros.AsSpan(0, (int)(-size & (TarHeader.BlockSize - 1))));

    private void Append(ReadOnlySpan<byte> bytes)
    {
        ObjectDisposedException.ThrowIf(_buffer is null, this);
        if (bytes.Length > BufferSize - _length)
            Flush();
        if (bytes.Length >= BufferSize)
        {
            _destination.Write(bytes);
            return;
        }
        bytes.CopyTo(_buffer.AsSpan(_length));
        _length += bytes.Length;
    }

    private void Flush()
    {
        _destination.Write(_buffer!, 0, _length);
        _length = 0;
    }

    /// <summary>Passes on as many bytes as an entry was announced with.</summary>
    private sealed class CountingStream(Stream inner, TarEntry entry) : WriteOnlyStream
    {
        private long _written;

        public override void Write(ReadOnlySpan<byte> buffer)
        {
            _written += buffer.Length;
            if (_written > entry.SizeBytes)
                throw StrataException.Corrupt($"'{EntryPath.Display(entry.Name)}' has more than the {entry.SizeBytes} bytes that were told.");
            inner.Write(buffer);
        }

        public override void Flush() => inner.Flush();

        internal void RequireWhole()
        {
            if (_written != entry.SizeBytes)
                throw StrataException.Corrupt($"'{EntryPath.Display(entry.Name)}' has {_written} instead of the {entry.SizeBytes} bytes that were told.");
        }
    }
}
