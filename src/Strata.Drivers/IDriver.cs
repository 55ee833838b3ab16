namespace Strata.Drivers;

/// <summary>A whole driver: Docker's <c>Driver</c>.</summary>
public interface IDriver : IProtoDriver, IDiffDriver;
