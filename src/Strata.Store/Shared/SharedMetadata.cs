using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Strata.Store.Metadata;
using Strata.Trees;

namespace Strata.Store;

/// <summary>The metadata of another store, read without writing a byte there.</summary>
/// <remarks>
/// <para>
/// SQLite writes even where it only reads: it makes the files of its WAL, or rolls one back. So the file is opened as immutable, which makes it take
/// no lock and look at nothing else. That is right as long as nothing stands in its WAL and the file itself is not changed: after each read it is
/// looked whether it is still what it was, else it is read again.
/// </para>
/// <para>
/// Where something stands in the WAL, or the schema is an older one, both files are copied into a cache of this store, and SQLite makes one file of the
/// copy. The owner may go on writing meanwhile: a WAL only grows, and its frames have check sums, until it is begun anew, which its header tells; and
/// the file changes only when the WAL is carried over into it. If either happened, it is copied again.
/// </para>
/// <para>Safe for many threads.</para>
/// </remarks>
internal sealed class SharedMetadata(string path, string cache, string temporary) : IDisposable
{
    private const int Attempts = 10;
    private readonly Lock _gate = new();
    private Database? _database;
    private string _state = "";
    private bool _direct;

    /// <summary>Reads; what is read is one moment's state.</summary>
    /// <exception cref="StrataException">FailedPrecondition: it is of a newer program. Corrupt, NotFound, PermissionDenied. Unavailable: it never stood still.</exception>
    internal T Read<T>(Func<Session, T> read)
    {
        lock (_gate)
        {
            for (int attempt = 0; ; attempt++)
            {
                string before = StateOf(path);
                string state = $"{before} {StateOf(path + "-wal")}";
                try
                {
                    if (_database is null || state != _state)
                        Open(state);
                    var result = _database!.Read(read);
                    if (!_direct || StateOf(path) == before)
                        return result;
                }
                catch (StrataException e) when (attempt < Attempts && e.Kind is ErrorKind.Corrupt or ErrorKind.Unknown && StateOf(path) != before)
                {
                    // it was changed while it was read
                }
                Close();
                if (attempt >= Attempts)
                    throw NeverStill();
                Thread.Sleep(10 * attempt);
            }
        }
    }

    public void Dispose() => Close();

    /// <summary>The beginning of the names of all copies of one store's metadata.</summary>
    internal static string CacheKeyOf(string root) => Hash(root);

    private void Open(string state)
    {
        Close();
        if (!File.Exists(path))
            throw StrataException.NotFound($"There is no store: {path} is missing.");
        _direct = new FileInfo(path + "-wal") is not { Exists: true, Length: > 0 };
        if (_direct)
        {
            _database = Database.OpenImmutable(path, out int version);
            _state = state;
            if (version == Migrations.Newest)
                return;
            Close();
            _direct = false;
        }
        string copy = Path.Combine(cache, $"{CacheKeyOf(Path.GetDirectoryName(path)!)}-{Hash(state)}.db");
        _database = OpenCopy(copy) ?? MakeCopy(copy);
        _state = state;
    }

    /// <summary>A copy that is there and whole; null: it is not, or another process has seen a newer state and removed this one just before it was opened.</summary>
    private static Database? OpenCopy(string copy)
    {
        try
        {
            return File.Exists(copy) ? Database.OpenImmutable(copy, out _) : null;
        }
        catch (StrataException)
        {
            return null; // or it is damaged: what the original is like, the new copy tells
        }
    }

    /// <summary>Makes a copy, and gives it, open: nobody can take it away any more.</summary>
    private Database MakeCopy(string copy)
    {
        Directory.CreateDirectory(cache, StoreLayout.Private);
        string made = Path.Combine(temporary, LayerId.New().ToString());
        try
        {
            for (int attempt = 0; ; attempt++)
            {
                string before = $"{StateOf(path)} {HeaderOf(path + "-wal")}";
                File.Copy(path, made, overwrite: true);
                if (File.Exists(path + "-wal"))
                    File.Copy(path + "-wal", made + "-wal", overwrite: true);
                if ($"{StateOf(path)} {HeaderOf(path + "-wal")}" == before)
                    break;
                if (attempt >= Attempts)
                    throw NeverStill();
                TreeRemover.Remove(made + "-wal");
            }
            File.SetUnixFileMode(made, UnixFileMode.UserRead | UnixFileMode.UserWrite);
            if (File.Exists(made + "-wal"))
                File.SetUnixFileMode(made + "-wal", UnixFileMode.UserRead | UnixFileMode.UserWrite);
            Database.MakeSingle(made);
            var opened = Database.OpenImmutable(made, out _);
            try
            {
                foreach (string old in Directory.GetFiles(cache, CacheKeyOf(Path.GetDirectoryName(path)!) + "-*"))
                    File.Delete(old); // who has it open goes on with it
                File.Move(made, copy, overwrite: true);
                return opened;
            }
            catch
            {
                opened.Dispose();
                throw;
            }
        }
        finally
        {
            foreach (string suffix in new[] { "", "-wal", "-shm" })
                TreeRemover.Remove(made + suffix);
        }
    }

    private void Close()
    {
        _database?.Dispose();
        _database = null;
    }

    /// <summary>What changes whenever somebody writes to a file.</summary>
    private static string StateOf(string file) => new FileInfo(file) is { Exists: true } info ? string.Create(CultureInfo.InvariantCulture, $"{info.Length}:{info.LastWriteTimeUtc.Ticks}") : "none";

    /// <summary>The beginning of a WAL, with the salts that it was begun with (sqlite.org/walformat.html).</summary>
    private static string HeaderOf(string log)
    {
        if (!File.Exists(log))
            return "none";
        using var file = new FileStream(log, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete, 0);
        byte[] header = new byte[32];
        return Convert.ToHexString(header, 0, file.ReadAtLeast(header, header.Length, throwOnEndOfStream: false));
    }

    private StrataException NeverStill() => StrataException.Unavailable($"The metadata {path} is changed without a pause. Try again.");

    private static string Hash(string text) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text)))[..16];
}
