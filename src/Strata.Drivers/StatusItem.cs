namespace Strata.Drivers;

/// <summary>One line of a driver's status.</summary>
/// <param name="Key">What it is: <c>Backing Filesystem</c>.</param>
/// <param name="Value">Its value.</param>
public readonly record struct StatusItem(string Key, string Value);
