namespace Strata.Drivers;

/// <summary>A driver whose removed layers lie in a trash until they are deleted: a rename removes a layer, however large it is.</summary>
public interface ITrash
{
    /// <summary>True: removing leaves layers in the trash, and somebody calls <see cref="EmptyTrash"/>. False, which it begins as: removing deletes them.</summary>
    bool KeepsTrash { get; set; }

    /// <summary>True if something lies in the trash, of whomever. Reads one directory.</summary>
    bool HasTrash { get; }

    /// <summary>True if what lies in the trash is deleted in no time: it is not worth a process or a thread of its own. Looks at some hundred files at most.</summary>
    bool IsTrashSmall { get; }

    /// <summary>Deletes what lies in the trash, and what comes meanwhile. One at a time does it; a kill leaves what is not deleted yet to the next one.</summary>
    /// <param name="wait">True: until nothing is left, also if somebody else is deleting it. False: returns if somebody else does.</param>
    /// <param name="cancellationToken">Ends it between two layers.</param>
    /// <exception cref="StrataException">Something can't be deleted. All else was.</exception>
    void EmptyTrash(bool wait, CancellationToken cancellationToken = default);
}
