using Strata.Store;

namespace Strata.Api;

/// <summary>A store in short.</summary>
/// <param name="Root">Its directory.</param>
/// <param name="Driver">Its driver.</param>
/// <param name="DriverStatus">What the driver tells of itself.</param>
/// <param name="Held">What the store holds.</param>
internal sealed record StoreStatus(string Root, string Driver, IReadOnlyList<KeyValuePair<string, string>> DriverStatus, StoreStatistics Held);
