namespace Strata.Drivers;

/// <summary>What a driver can do whose layers hold only their own changes: put a layer on a parent that it was made without.</summary>
public interface IRebasingDriver
{
    /// <summary>Puts a layer that was made on nothing, and written to by whoever mounted it, on a parent. Done twice it is done once.</summary>
    /// <param name="id">The layer; mounted nowhere that matters: who has it mounted sees it without the parent.</param>
    /// <param name="parent">What it lies on from now on.</param>
    /// <exception cref="StrataException">NotFound: there is no such layer. FailedPrecondition: it is on another one.</exception>
    void Rebase(LayerId id, LayerId parent);
}
