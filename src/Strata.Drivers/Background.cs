using Strata.Linux;

namespace Strata.Drivers;

/// <summary>Deleting while nobody waits: for the process or the thread that calls <see cref="ITrash.EmptyTrash"/>.</summary>
public static class Background
{
    /// <summary>
    /// Lets go of whoever started this process: a session of its own, /dev/null for its standard input and outputs, and nothing open that was handed
    /// over. To be called before anything else.
    /// </summary>
    public static void Detach() => BackgroundCalls.Detach();

    /// <summary>Gives the calling thread the lowest priority, for the processor and for disks. Where that is not allowed it runs on as it is.</summary>
    public static void LowerPriority() => BackgroundCalls.LowerPriority();
}
