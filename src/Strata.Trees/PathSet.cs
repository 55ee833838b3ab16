using System.IO.Hashing;
using System.Security.Cryptography;

namespace Strata.Trees;

/// <summary>
/// A set of paths kept as 64-bit hashes under a random seed: 8 bytes a path and the set's overhead, whatever the paths' length. Two of a
/// billion paths collide with a chance of 3 %, of a million with 3 in 100 million; a layer's author can't aim for it, since the seed is secret.
/// </summary>
internal sealed class PathSet
{
    private readonly HashSet<ulong> _hashes = [];
    private readonly long _seed = BitConverter.ToInt64(RandomNumberGenerator.GetBytes(8));

    internal int Count => _hashes.Count;

    internal bool Add(ReadOnlySpan<byte> path) => _hashes.Add(Hash(path));

    internal bool Contains(ReadOnlySpan<byte> path) => _hashes.Contains(Hash(path));

    internal void Remove(ReadOnlySpan<byte> path) => _hashes.Remove(Hash(path));

    private ulong Hash(ReadOnlySpan<byte> path) => XxHash3.HashToUInt64(path, _seed);
}
