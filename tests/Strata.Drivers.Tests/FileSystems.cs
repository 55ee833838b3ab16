using System.Collections.Concurrent;
using Strata.Drivers.Tests;
using Strata.Testing;

[assembly: AssemblyFixture(typeof(FileSystems))]

namespace Strata.Drivers.Tests;

/// <summary>The file systems that drivers are tried on: each made when it is first asked for, shared by all tests, gone at the end.</summary>
public sealed class FileSystems : IDisposable
{
    private readonly ConcurrentDictionary<string, Lazy<LoopFileSystem>> _made = new();

    /// <summary>The file system of a type.</summary>
    public LoopFileSystem Of(string type) => _made.GetOrAdd(type, key => new Lazy<LoopFileSystem>(() => LoopFileSystem.Create(key))).Value;

    /// <summary>Takes all down; what could not be unmounted is an error.</summary>
    public void Dispose()
    {
        using var closing = new Closing();
        foreach (var made in _made.Values.Where(m => m.IsValueCreated))
        {
            closing.Do(() => made.Value.Dispose());
            closing.Do(() => Assert.Empty(Mounts.AtOrBelow(made.Value.Root)));
        }
    }
}
