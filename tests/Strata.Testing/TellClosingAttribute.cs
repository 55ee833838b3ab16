using System.Reflection;
using Xunit.v3;

namespace Strata.Testing;

/// <summary>Fails each test after whose method something was left or could not be cleaned up (<see cref="Closing"/>). Every test project that uses this one has it.</summary>
[AttributeUsage(AttributeTargets.Assembly)]
public sealed class TellClosingAttribute : BeforeAfterTestAttribute
{
    /// <inheritdoc/>
    public override void Before(MethodInfo methodUnderTest, IXunitTest test) => Closing.Begin(test.UniqueID);

    /// <inheritdoc/>
    public override void After(MethodInfo methodUnderTest, IXunitTest test) => Closing.Tell(test.UniqueID);
}
