namespace Strata.Oci.Registries;

/// <summary>Who the user is, to a registry. Never printed.</summary>
/// <param name="User">The user; empty with an identity token.</param>
/// <param name="Secret">The password, or the identity token: what the registry's token server takes for a password already given.</param>
/// <param name="IsIdentityToken">True: <paramref name="Secret"/> is an identity token (OAuth2 refresh token).</param>
public sealed record RegistryCredential(string User, string Secret, bool IsIdentityToken = false)
{
    /// <summary>Reads <c>USER:PASSWORD</c>; the password may hold colons.</summary>
    /// <exception cref="StrataException">InvalidArgument: it has no colon, or no user.</exception>
    public static RegistryCredential Parse(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        int colon = text.IndexOf(':', StringComparison.Ordinal);
        return colon > 0 ? new RegistryCredential(text[..colon], text[(colon + 1)..]) : throw StrataException.InvalidArgument("The credentials are not of the form USER:PASSWORD.");
    }

    /// <summary>Says that there is one, and nothing of it: records print all their members.</summary>
    public override string ToString() => IsIdentityToken ? "an identity token" : "a user and password";
}
