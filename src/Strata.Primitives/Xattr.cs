namespace Strata;

/// <summary>An extended attribute: name and value are bytes (xattr(7)).</summary>
/// <param name="Name">The whole name, its namespace included: <c>user.x</c>, <c>security.capability</c>.</param>
/// <param name="Value">The value; may be empty.</param>
public readonly record struct Xattr(byte[] Name, byte[] Value);
