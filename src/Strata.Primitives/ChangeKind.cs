namespace Strata;

/// <summary>How a path differs from the layer below. The numbers are those of Docker's API.</summary>
public enum ChangeKind
{
    /// <summary>It was there and is different, or something below it is.</summary>
    Modify = 0,

    /// <summary>It was not there.</summary>
    Add = 1,

    /// <summary>It is there no more.</summary>
    Delete = 2,
}
