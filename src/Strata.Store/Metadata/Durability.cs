namespace Strata.Store.Metadata;

/// <summary>When a write survives a power cut. It survives a kill of the process at once, and others see it at once.</summary>
internal enum Durability
{
    /// <summary>When it returns; and, if it changed anything, all that was written before.</summary>
    OnReturn,

    /// <summary>With the next write that is durable on return, or at the next <see cref="Database.Flush"/>. A power cut before that undoes it, and all that came after it.</summary>
    Soon,
}
