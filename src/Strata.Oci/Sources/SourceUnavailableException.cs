namespace Strata.Oci;

/// <summary>What an image is read from does not answer. A kind of its own because trying the store again would not help.</summary>
internal sealed class SourceUnavailableException(string message, Exception? inner = null) : StrataException(ErrorKind.Unavailable, message, inner);
