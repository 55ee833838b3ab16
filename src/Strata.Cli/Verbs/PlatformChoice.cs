using System.CommandLine;
using Strata.Oci;
using Strata.Store;

namespace Strata.Cli.Verbs;

/// <summary>What several verbs share: which platform of a multi-platform image is meant.</summary>
internal static class PlatformChoice
{
    internal static readonly Option<string?> Option = new("--platform")
    {
        Description = "Which platform of a multi-platform image. Default: the one that the name means.",
        HelpName = "OS/ARCH[/VARIANT]",
    };

    /// <summary>The image that a user means by a name or an ID, and by the platform if he tells one.</summary>
    internal static ImageRecord Get(Store.Store store, string text, ParseResult parse) => ImageNames.Get(store, text, parse.GetValue(Option));
}
