namespace Strata.Durability.Tests;

/// <summary>A command that is interrupted, with what comes before and after it.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Before">What makes the store as it must be for the command.</param>
/// <param name="Command">The command.</param>
/// <param name="After">What makes the store empty again but for what the command was not about.</param>
/// <param name="MayBeDone">The kind of error with which the command, said again, tells that it was done the first time; or null: it succeeds again.</param>
internal sealed record Scenario(string Name, string[][] Before, string[] Command, string[][] After, ErrorKind? MayBeDone)
{
    /// <summary>All of them. FILE is the image's.</summary>
    internal static IReadOnlyList<Scenario> All { get; } =
    [
        new("load", [], ["load", "FILE"], [["rm", "test:1"]], null),
        new("create", [["load", "FILE"]], ["create", "box", "test:1"], [["rm", "box"], ["rm", "test:1"]], ErrorKind.AlreadyExists),
        new("commit", [["load", "FILE"], ["create", "box", "test:1"], ["write", "box", "hello"]], ["commit", "box", "made:1"], [["rm", "box"], ["rm", "made:1"], ["rm", "test:1"]], null),
        new("mount", [["load", "FILE"], ["create", "box", "test:1"]], ["write", "box", "hello"], [["rm", "box"], ["rm", "test:1"]], null),
        new("collect", [["load", "FILE"], ["untag", "test:1"]], ["gc"], [], null),
        new("rm-image", [["load", "FILE"]], ["rm", "test:1"], [], ErrorKind.NotFound),
        new("rm-writable", [["load", "FILE"], ["create", "box", "test:1"], ["write", "box", "hello"]], ["rm", "box"], [["rm", "test:1"]], ErrorKind.NotFound),
    ];
}
