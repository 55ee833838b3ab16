using System.Globalization;

namespace Strata.Cli;

/// <summary>The limits on layers by the names that errors tell: <c>--limit MaxEntries=100000000</c>.</summary>
internal static class LimitNames
{
    internal const string Help = "Names: MaxTarBytes, MaxContentBytes, MaxEntries, MaxPathDepth, MaxPathBytes, MaxNameBytes, MaxXattrValueBytes, "
        + "MaxXattrTotalBytes, MaxExtendedHeaderBytes, MaxSparseExtents, MaxCompressionRatio, RatioFreeBytes.";

    internal static LayerLimits Parse(IEnumerable<string> given)
    {
        var limits = LayerLimits.Default;
        foreach (string one in given)
        {
            int equals = one.IndexOf('=', StringComparison.Ordinal);
            if (equals <= 0 || !long.TryParse(one.AsSpan(equals + 1), NumberStyles.None, CultureInfo.InvariantCulture, out long number))
                throw StrataException.InvalidArgument($"The limit '{one}' is not of the form NAME=NUMBER.");
            int small = (int)Math.Min(number, int.MaxValue);
            limits = one[..equals] switch
            {
                nameof(LayerLimits.MaxTarBytes) => limits with { MaxTarBytes = number },
                nameof(LayerLimits.MaxContentBytes) => limits with { MaxContentBytes = number },
                nameof(LayerLimits.MaxEntries) => limits with { MaxEntries = number },
                nameof(LayerLimits.MaxPathDepth) => limits with { MaxPathDepth = small },
                nameof(LayerLimits.MaxPathBytes) => limits with { MaxPathBytes = small },
                nameof(LayerLimits.MaxNameBytes) => limits with { MaxNameBytes = small },
                nameof(LayerLimits.MaxXattrValueBytes) => limits with { MaxXattrValueBytes = small },
                nameof(LayerLimits.MaxXattrTotalBytes) => limits with { MaxXattrTotalBytes = small },
                nameof(LayerLimits.MaxExtendedHeaderBytes) => limits with { MaxExtendedHeaderBytes = small },
                nameof(LayerLimits.MaxSparseExtents) => limits with { MaxSparseExtents = small },
                nameof(LayerLimits.MaxCompressionRatio) => limits with { MaxCompressionRatio = small },
                nameof(LayerLimits.RatioFreeBytes) => limits with { RatioFreeBytes = number },
                var unknown => throw StrataException.InvalidArgument($"There is no limit '{unknown}'. {Help}"),
            };
        }
        return limits;
    }
}
