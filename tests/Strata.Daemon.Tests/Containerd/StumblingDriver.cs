using System.Reflection;
using Strata.Drivers;
using Strata.Drivers.Erofs;

namespace Strata.Daemon.Tests.Containerd;

/// <summary>The erofs driver, whose calls fail when a test says so.</summary>
public class StumblingDriver : DispatchProxy
{
    private ErofsDriver _driver = null!;
    private Func<string, Exception?> _failure = null!;

    /// <summary>All that the driver is for a store.</summary>
    public interface IErofs : IDriver, IRebasingDriver, ISharedLayers, ILayerStructure, ILayerChecker, ILeftovers, ITrash;

    /// <summary>A registry of this driver alone.</summary>
    /// <param name="failure">What a call fails with, that is named by its method; null: it does what it is for.</param>
    internal static DriverRegistry Registry(Func<string, Exception?> failure)
    {
        var registry = new DriverRegistry();
        registry.Register("erofs", (home, options) =>
        {
            object made = Create<IErofs, StumblingDriver>();
            ((StumblingDriver)made)._driver = new ErofsDriver(home, options);
            ((StumblingDriver)made)._failure = failure;
            return (IDriver)made;
        });
        return registry;
    }

    protected override object? Invoke(MethodInfo? targetMethod, object?[]? args) =>
        _failure(targetMethod!.Name) is { } failure ? throw failure : targetMethod.Invoke(_driver, BindingFlags.DoNotWrapExceptions, null, args, null);
}
