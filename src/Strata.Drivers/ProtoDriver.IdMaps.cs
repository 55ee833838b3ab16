using System.Text;
using Strata.Trees;

namespace Strata.Drivers;

/// <content>
/// Layers whose owners are mapped for a user namespace. What a layer has is written in <c>.idmaps/ID</c>: the mapping, and the word <c>copied</c> where
/// what lies below had to be copied since its file system can't be mounted with other owners.
/// </content>
public abstract partial class ProtoDriver
{
    private const string Copied = "copied";

    private string IdMaps => Path.Combine(Home, ".idmaps");

    /// <inheritdoc/>
    public IdMapping? FindIdMapping(LayerId id) => FindStoredMap(id)?.Mapping;

    /// <summary>Why this driver can't map owners without copying, or null.</summary>
    /// <exception cref="StrataException">NotSupported: it can't map them at all.</exception>
    protected virtual string? FindMappingObstacle() => throw StrataException.NotSupported($"The {Name} driver can't map the owners of a layer. Use the erofs, overlay, btrfs or vfs driver.");

    /// <summary>For the status: how owners are mapped.</summary>
    protected StatusItem MappingStatus()
    {
        try
        {
            return new StatusItem("Supports shifting", FindMappingObstacle() is { } why ? "by copies: " + why : "true");
        }
        catch (StrataException e) when (e.Kind == ErrorKind.NotSupported)
        {
            return new StatusItem("Supports shifting", "false: " + e.Message);
        }
        catch (StrataException e) when (e.Kind is ErrorKind.Exhausted or ErrorKind.PermissionDenied)
        {
            return new StatusItem("Supports shifting", "not known: " + e.Message); // on a full disk the status is wanted most
        }
    }

    /// <summary>What a layer is mapped by; null: its owners are as they are.</summary>
    private protected StoredIdMap? FindStoredMap(LayerId id) =>
        SmallFile.Read(Path.Combine(IdMaps, id.ToString())) is { } bytes ? ReadMap(id, Encoding.ASCII.GetString(bytes)) : null;

    /// <summary>The owners of a layer's tree as <see cref="Get"/> shows it; null: as they are in layers.</summary>
    internal OwnerMap? FindOwners(LayerId id) => FindIdMapping(id) is { } mapping ? new OwnerMap(mapping) : null;

    /// <summary>The options with what the layer is mapped by. One that lies on a mapped layer has its mapping.</summary>
    private CreateOptions Mapped(LayerId id, LayerId? parent, CreateOptions options)
    {
        var below = parent is { } p ? FindStoredMap(p) : null;
        var mapping = options.IdMapping ?? below?.Mapping;
        if (mapping is null)
            return options;
        if (below is not null && below.Mapping != mapping)
            throw StrataException.InvalidArgument($"Can't create layer {id} with the ID mapping {mapping}: its parent is mapped by {below.Mapping}, and only one of both can be shown.");
        mapping = IdMapping.Create(mapping.Users, mapping.Groups);
        string? obstacle = FindMappingObstacle();
        return options with { IdMapping = mapping, CopiesOwners = below?.IsCopied ?? obstacle is not null };
    }

    /// <summary>Makes a layer that has a mapping: that is written first, so that the layer is never there without it.</summary>
    private void CreateMapped(LayerId id, LayerId? parent, CreateOptions options, bool writable)
    {
        Directory.CreateDirectory(IdMaps, HomeMode);
        string path = Path.Combine(IdMaps, id.ToString());
        File.Delete(path); // of a layer that was begun and not ended
        SmallFile.Create(path, Encoding.ASCII.GetBytes($"{options.IdMapping}{(options.CopiesOwners ? $"\n{Copied}" : "")}\n"));
        try
        {
            CreateLayer(id, parent, options, writable);
        }
        catch
        {
            File.Delete(path);
            throw;
        }
    }

    private void ForgetMapping(LayerId id)
    {
        if (Directory.Exists(IdMaps))
            File.Delete(Path.Combine(IdMaps, id.ToString()));
    }

    private StoredIdMap ReadMap(LayerId id, string text) => text.Split('\n') switch
    {
        [var mapping, ""] => new StoredIdMap(IdMapping.Parse(mapping), false),
        [var mapping, Copied, ""] => new StoredIdMap(IdMapping.Parse(mapping), true),
        _ => throw StrataException.Corrupt($"Layer {id} is damaged: {Path.Combine(IdMaps, id.ToString())} holds no ID mapping. Remove the layer and make it again."),
    };

    /// <param name="Mapping">The mapping.</param>
    /// <param name="IsCopied">True: what lies below is a copy with the owners outside; false: it is mounted with them.</param>
    private protected sealed record StoredIdMap(IdMapping Mapping, bool IsCopied);
}
