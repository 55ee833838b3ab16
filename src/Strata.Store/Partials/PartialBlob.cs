using Microsoft.Win32.SafeHandles;
using Strata.Trees;

namespace Strata.Store;

/// <summary>The beginning of a blob that is being fetched, in a file of the store: who is killed goes on from there the next time.</summary>
/// <remarks>
/// Nothing vouches for its content but the digest over the whole, which whoever reads it compares: after a power cut its end may be torn. It is there to
/// save time, so what fails about it is never an error: then there is none. Safe for many threads; one at a time has it, in all processes.
/// </remarks>
public sealed class PartialBlob : IDisposable
{
    private readonly string _path;
    private readonly Lock _gate = new();
    private SafeFileHandle? _file;

    private PartialBlob(string path, SafeFileHandle file)
    {
        _path = path;
        _file = file;
        LengthBytes = RandomAccess.GetLength(file);
    }

    /// <summary>How many bytes there are.</summary>
    public long LengthBytes { get; private set; }

    /// <summary>Opens one, or begins it; null: somebody else has it, or it can't be.</summary>
    internal static PartialBlob? TryOpen(string path, long mostBytes)
    {
        try
        {
            // Shared with nobody: to .NET on Unix, a lock (flock) that ends with the process. One that was deleted since it was opened is only of no use later.
            var file = File.OpenHandle(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
            if (RandomAccess.GetLength(file) > mostBytes)
                RandomAccess.SetLength(file, 0);
            return new PartialBlob(path, file);
        }
        catch (Exception e) when (FileErrors.Is(e))
        {
            return null;
        }
    }

    /// <summary>Reads some of it. 0: its end, or it is gone.</summary>
    public int Read(Span<byte> buffer, long offset)
    {
        lock (_gate)
        {
            try
            {
                return _file is null || offset >= LengthBytes ? 0 : RandomAccess.Read(_file, buffer, offset);
            }
            catch (IOException)
            {
                return 0;
            }
        }
    }

    /// <summary>Adds what follows. On a full disk it is given up: it must not take the room that the layers need.</summary>
    /// <param name="bytes">The bytes.</param>
    /// <param name="offset">Where they belong: anywhere but at the end of what there is, they are not kept.</param>
    public void Append(ReadOnlySpan<byte> bytes, long offset)
    {
        lock (_gate)
        {
            if (_file is null || offset != LengthBytes)
                return;
            try
            {
                RandomAccess.Write(_file, bytes, offset);
                LengthBytes += bytes.Length;
            }
            catch (IOException)
            {
                Remove();
            }
        }
    }

    /// <summary>It is not needed any more.</summary>
    public void Remove()
    {
        lock (_gate)
        {
            LengthBytes = 0;
            if (_file is null)
                return;
            try
            {
                File.Delete(_path);
            }
            catch (Exception e) when (FileErrors.Is(e))
            {
                return; // collected when it is old
            }
            finally
            {
                _file.Dispose();
                _file = null;
            }
        }
    }

    /// <summary>Lets it lie for the next one; an empty one goes.</summary>
    public void Dispose()
    {
        lock (_gate)
        {
            if (LengthBytes == 0)
                Remove();
            _file?.Dispose();
            _file = null;
        }
    }
}
