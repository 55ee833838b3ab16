using System.Security.Cryptography;
using System.Text;
using Strata.Trees;

namespace Strata.Drivers;

/// <summary>
/// Whole trees of layers with other owners, for file systems that can't be mounted with them: one for each layer and mapping, made when it is first
/// needed, shared by all that lie on it, removed with the layer.
/// </summary>
/// <param name="directory">Where they are.</param>
/// <param name="temporary">Where they are made: on the same file system.</param>
internal sealed class ShiftedTrees(string directory, string temporary)
{
    /// <summary>Where the tree of a layer is, or will be.</summary>
    internal string PathOf(LayerId id, IdMapping mapping) =>
        Path.Combine(directory, $"{id}-{Convert.ToHexStringLower(SHA256.HashData(Encoding.ASCII.GetBytes(mapping.ToString())))[..16]}");

    /// <summary>Makes the tree of a layer if it is not there. No lock is held: of two that make it at once, one's stays.</summary>
    /// <param name="id">The layer.</param>
    /// <param name="mapping">The mapping.</param>
    /// <param name="open">Opens the layer's whole tree.</param>
    /// <param name="options">Who is told, and who ends it.</param>
    internal void Ensure(LayerId id, IdMapping mapping, Func<RootDirectory> open, CreateOptions options)
    {
        string path = PathOf(id, mapping);
        if (Directory.Exists(path))
            return;
        Directory.CreateDirectory(directory, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        using var made = TemporaryDirectory.Create(temporary);
        using (var destination = RootDirectory.Open(made.Path))
        using (var source = open())
            TreeCopier.Copy(source, destination, new OwnerMap(mapping), options.Progress, options.Cancellation);
        var errno = Linux.NameCalls.TryRename(
            Linux.FileCalls.CurrentDirectory, Encoding.UTF8.GetBytes(made.Path), Linux.FileCalls.CurrentDirectory, Encoding.UTF8.GetBytes(path), Linux.NameCalls.RenameNoReplace);
        if (errno is not (Linux.Errno.None or Linux.Errno.EEXIST))
            throw new Linux.LinuxException(errno, "rename", path);
    }

    /// <summary>Removes the trees of a layer.</summary>
    /// <param name="id">The layer.</param>
    /// <param name="remove">Puts one away.</param>
    internal void Forget(LayerId id, Action<string> remove)
    {
        if (!Directory.Exists(directory))
            return;
        foreach (string path in Directory.GetDirectories(directory, id + "-*"))
        {
            if (Path.GetFileName(path).LastIndexOf('-') == id.ToString().Length)
                remove(path);
        }
    }
}
