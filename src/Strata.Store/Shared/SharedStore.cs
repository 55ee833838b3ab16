using Strata.Drivers;
using Strata.Store.Metadata;
using Strata.Trees;

namespace Strata.Store;

/// <summary>Another store whose images and layers are used where they lie. It is only read.</summary>
/// <remarks>
/// Opened when it is first asked. One that is not there, damaged, of a newer program or of another driver is left out, with the reason in
/// <see cref="Problem"/>; nothing fails by it.
/// </remarks>
public sealed class SharedStore : IDisposable
{
    /// <summary>The environment variable that names shared stores, with colons between them.</summary>
    public const string EnvironmentVariable = "STRATA_SHARED_STORES";

    private readonly SharedMetadata _metadata;
    private readonly StoreLayout _layout;
    private readonly IDriver _driver;
    private readonly Action<SharedStore>? _leftOut;
    private readonly Lazy<string?> _obstacle;
    private string? _problem;

    internal SharedStore(string root, StoreLayout mine, IDriver driver, Action<SharedStore>? leftOut)
    {
        Root = root;
        _layout = new StoreLayout(root);
        _metadata = new SharedMetadata(_layout.Database, mine.SharedCache, mine.Temporary);
        _driver = driver;
        _leftOut = leftOut;
        _obstacle = new Lazy<string?>(() => FindObstacle(mine));
    }

    /// <summary>Its directory.</summary>
    public string Root { get; }

    /// <summary>Why it is left out; null: it is used.</summary>
    public string? Problem => Ask(s => true, false) ? null : _problem;

    /// <summary>The shared stores that the environment names.</summary>
    public static IReadOnlyList<string> FromEnvironment() =>
        Environment.GetEnvironmentVariable(EnvironmentVariable)?.Split(':', StringSplitOptions.RemoveEmptyEntries) ?? [];

    /// <inheritdoc/>
    public void Dispose() => _metadata.Dispose();

    internal string Home => Path.Combine(Root, _driver.Name);

    internal string Recipe(LayerId theirs) => _layout.Recipe(theirs);

    /// <summary>Asks it something; what it gives instead if it is left out.</summary>
    internal T Ask<T>(Func<Session, T> read, T otherwise)
    {
        if (_problem is not null)
            return otherwise;
        try
        {
            if (_obstacle.Value is { } why)
            {
                LeaveOut(why);
                return otherwise;
            }
            return _metadata.Read(read);
        }
        catch (Exception e) when (e is StrataException || FileErrors.Is(e))
        {
            LeaveOut(e is StrataException ? e.Message : FileErrors.Translate(e, $"Can't read {Root}").Message);
            return otherwise;
        }
    }

    /// <summary>A document of it, verified.</summary>
    /// <exception cref="StrataException">NotFound, Corrupt.</exception>
    internal byte[] ReadDocument(Digest digest)
    {
        string path = Path.Combine(_layout.Blobs, digest.Hex);
        if (digest.Algorithm != "sha256" || new FileInfo(path) is not { Exists: true } file)
            throw StrataException.NotFound($"The document {digest} is missing from the shared store {Root}.");
        if (file.Length > Store.MaxDocumentBytes)
            throw StrataException.Corrupt($"The document {digest} of the shared store {Root} has {file.Length} bytes; a document has at most {Store.MaxDocumentBytes}.");
        byte[] bytes = File.ReadAllBytes(path);
        return Digest.Sha256(System.Security.Cryptography.SHA256.HashData(bytes)) == digest
            ? bytes
            : throw StrataException.Corrupt($"The document {digest} of the shared store {Root} is damaged.");
    }

    /// <summary>Uses it no more, and tells.</summary>
    internal void LeaveOut(string why)
    {
        if (Interlocked.CompareExchange(ref _problem, why, null) is null)
            _leftOut?.Invoke(this);
    }

    private string? FindObstacle(StoreLayout mine)
    {
        if (!Directory.Exists(Root))
            return $"There is no directory {Root}.";
        if (new[] { Root, mine.Root }.Select(path => File.ResolveLinkTarget(path, returnFinalTarget: true)?.FullName ?? path).Distinct().Count() == 1)
            return "It is this store itself.";
        string? driver = _metadata.Read(s => s.List("SELECT value FROM meta WHERE key='driver'", r => r.GetString(0)).FirstOrDefault());
        if (driver is null)
            return "It was never used: it has no driver.";
        if (driver != _driver.Name)
            return $"Its layers are kept by the driver {driver}, and this store's by {_driver.Name}: they can't lie on each other.";
        return _driver is ISharedLayers sharing ? sharing.FindSharingObstacle(Home) : $"The {_driver.Name} driver can't use layers that lie elsewhere.";
    }
}
