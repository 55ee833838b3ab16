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
/// no lock and look at nothing else. That is right as long as nothing stands in its WAL and nobody changes it: where something does stand there,
/// or the schema is an older one, both files are copied into a cache of this store, and SQLite makes one file of the copy; and after
/// each read it is looked whether the files are still what they were, else it is read again.
/// </para>
/// <para>Safe for many threads.</para>
/// </remarks>
internal sealed class SharedMetadata(string path, string cache, string temporary) : IDisposable
{
    private const int Attempts = 10;
    private readonly Lock _gate = new();
    private Database? _database;
    private string _state = "";

    /// <summary>Reads; what is read is one moment's state.</summary>
    /// <exception cref="StrataException">FailedPrecondition: it is of a newer program. Corrupt, NotFound, PermissionDenied. Unavailable: it never stood still.</exception>
    internal T Read<T>(Func<Session, T> read)
    {
        lock (_gate)
        {
            for (int attempt = 0; ; attempt++)
            {
                string before = StateOf();
                try
                {
                    if (_database is null || before != _state)
                        Open(before);
                    var result = _database!.Read(read);
                    if (StateOf() == before)
                        return result;
                }
                catch (StrataException e) when (e.Kind is ErrorKind.Corrupt or ErrorKind.Unknown && attempt < Attempts && StateOf() != before)
                {
                    // it was changed while it was read
                }
                Close();
                if (attempt >= Attempts)
                    throw StrataException.Unavailable($"The metadata {path} is changed without a pause.");
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
        bool direct = new FileInfo(path + "-wal") is not { Exists: true, Length: > 0 };
        if (direct)
        {
            _database = Database.OpenImmutable(path, out int version);
            _state = state;
            if (version == Migrations.Newest)
                return;
            Close();
        }
        string copy = Path.Combine(cache, $"{CacheKeyOf(Path.GetDirectoryName(path)!)}-{Hash(state)}.db");
        if (!File.Exists(copy))
            MakeCopy(copy, state);
        _database = Database.OpenImmutable(copy, out _);
        _state = state;
    }

    private void MakeCopy(string copy, string state)
    {
        Directory.CreateDirectory(cache, StoreLayout.Private);
        string made = Path.Combine(temporary, LayerId.New().ToString());
        try
        {
            File.Copy(path, made);
            if (File.Exists(path + "-wal"))
                File.Copy(path + "-wal", made + "-wal");
            if (StateOf() != state)
                throw StrataException.Corrupt($"The metadata {path} was changed while it was copied."); // tried again
            File.SetUnixFileMode(made, UnixFileMode.UserRead | UnixFileMode.UserWrite);
            if (File.Exists(made + "-wal"))
                File.SetUnixFileMode(made + "-wal", UnixFileMode.UserRead | UnixFileMode.UserWrite);
            Database.MakeSingle(made);
            foreach (string old in Directory.GetFiles(cache, CacheKeyOf(Path.GetDirectoryName(path)!) + "-*"))
                File.Delete(old);
            File.Move(made, copy, overwrite: true);
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

    /// <summary>What changes whenever somebody writes to the store. Its files alone: a reader of theirs changes nothing but the file of shared memory.</summary>
    private string StateOf() => string.Join(' ', new[] { path, path + "-wal" }.Select(file => new FileInfo(file) is { Exists: true } info
        ? string.Create(CultureInfo.InvariantCulture, $"{info.Length}:{info.LastWriteTimeUtc.Ticks}")
        : "none"));

    private static string Hash(string text) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text)))[..16];
}
