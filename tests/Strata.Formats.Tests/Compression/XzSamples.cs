namespace Strata.Formats.Tests.Compression;

/// <summary>What xz 5.4 made of one text of 2,660 bytes (but for <see cref="Empty"/>).</summary>
internal static class XzSamples
{
    internal const string TextDigest = "sha256:4752c6958c53fb24b0399b372d841ef8917ad50658e6e5ccf8443ef524bd5c7e";

    internal static byte[] Of(string name) => name switch
    {
        nameof(Crc64) => Crc64,
        nameof(Crc32Blocks) => Crc32Blocks,
        nameof(Sha256) => Sha256,
        nameof(NoCheck) => NoCheck,
        nameof(SizesInBlocks) => SizesInBlocks,
        nameof(Empty) => Empty,
        nameof(X86Filter) => X86Filter,
        nameof(HugeDictionary) => HugeDictionary,
        _ => throw new ArgumentException(name),
    };

    /// <summary>xz --check=crc64.</summary>
    internal static byte[] Crc64 => Convert.FromBase64String(
        "/Td6WFoAAATm1rRGAgAhARYAAAB0L+Wj4ApjAZpdADecCEbUCXplegUKPj3gIy/fxCc2htjGqSg2reiQU5fTVQ5P6KoER7yz0kM9/tFrZ8LS2YKMWneWbWjN" +
        "FIgxo8M5o8nBGKwZOKE8GddevppieR8Xg5usXYoAzKENZduQjtT/+YdLdxHgPGWNqIbt6zRTcacs9AD/fR1X6jrCbdNJrH2TzTTrWbDSDfL5HJtF1qCHkws8" +
        "NTx9tNAYvBUSfiUfbXYpcaTsPtMYo1oB6YM68F5CIzcVtR8D/TZQh5IjJ15DkaJ2F1CY4j6OtCxgRJ8Byzpdvvr4rRplJf1Vx+2fhYro80KmLOepKLy45XK3" +
        "d4r/A7LanRXVCtkveh3brRaYQ3Wq2zf9jzzRqCChfA+ocrd1Xj9/ExN0ey5x2aUGMBSeKr5fnVCrBZE47FwcVEYHm0nI/aovrYytQTcXgxzvIyb03yaaLHXw" +
        "yWWJ1eaBby6J7DtpNb+1Zbobvfqm7p1umkl1VvjxyTbjyJzfEQvMSLgtSMgkf+N3e8y5/+p7ImLqIuObhJ1SMG0rr4mFS6N9+2CKbrdXWzrpAAAAcbveKsGw" +
        "guMAAbYD5BQAAKaDVAqxxGf7AgAAAAAEWVo=");

    /// <summary>xz --check=crc32 --block-size=1000: three blocks.</summary>
    internal static byte[] Crc32Blocks => Convert.FromBase64String(
        "/Td6WFoAAAFpIt42AgAhARYAAAB0L+Wj4APnAM1dADecCEbUCXplegUKPj3gIy/fxCc2htjGqSg2reiQU5fTVQ5P6KoER7yz0kM9/tFrZ8LS2YKMWneWbWjN" +
        "FIgxo8M5o8nBGKwZOKE8GddevppieR8Xg5usXYoAzKENZduQjtT/+YdLdxHgPGWNqIbt6zRTcacs9AD/fR1X6jrCbdNJrH2TzTTrWbDSDfL5HJtF1qCHkws8" +
        "NTx9tNAYvBUSfiUfbXYpcaTsPtMYo1oB6YM68F5CIzcVtR8D/TZQh5IjJ15DkaJ2F1CXD4dwUQAAAAAAdcHY2QIAIQEWAAAAdC/lo+AD5wDRXQA6GUpFcqPh" +
        "YUGrpaAy5FrhJIMX2Az0BXuoj9RqEBWCKaqyGboFN+7+NEHjv/79ZxT762F0lgkRXAtfpsnmZBBOqFp7KUXj/Kf8oqFmWN8ktB11bzGzJ4m3oX7S9Xc5oCYf" +
        "gC0eEMl0ApPUfdPTiZcbB6VQd1WzYvxCTDJ3st6kseqDeuOejvFre/0aghq1seHXdABc9oJXxP8wb5qcqF4L27G2o10aBmi2qcl2OPzwCSVWgW96VR3yWtn3" +
        "qk24sjDSM5DvnS1ErSwTtMVZYulkhQAAAADhp3DTAgAhARYAAAB0L+Wj4AKTAJ5dADaZSqsYKJsxa5Vf11xDBg2m5v5Eutaq6tKz60pvaP5+SwuCxez+AVfF" +
        "055BKou2pOGE7AdXP/Dq0ybcm+IFvCIcqHB+czhYzg2B3Kr84NYXJLMFkU3PDaA1nn74ogJt/sf8sisgxnKiz4Ti71L1s8Mp8/nxk93WqPiu+cQQcqRZLKk1" +
        "kuz1aonST1BbOsCMyeBFWaI42YesfqBNQMAAAAAAwfkLRgAD5QHoB+kB6Ae2AZQFAAD4yftAI9NUXQQAAAAAAVla");

    /// <summary>xz --check=sha256.</summary>
    internal static byte[] Sha256 => Convert.FromBase64String(
        "/Td6WFoAAArh+wyhAgAhARYAAAB0L+Wj4ApjAZpdADecCEbUCXplegUKPj3gIy/fxCc2htjGqSg2reiQU5fTVQ5P6KoER7yz0kM9/tFrZ8LS2YKMWneWbWjN" +
        "FIgxo8M5o8nBGKwZOKE8GddevppieR8Xg5usXYoAzKENZduQjtT/+YdLdxHgPGWNqIbt6zRTcacs9AD/fR1X6jrCbdNJrH2TzTTrWbDSDfL5HJtF1qCHkws8" +
        "NTx9tNAYvBUSfiUfbXYpcaTsPtMYo1oB6YM68F5CIzcVtR8D/TZQh5IjJ15DkaJ2F1CY4j6OtCxgRJ8Byzpdvvr4rRplJf1Vx+2fhYro80KmLOepKLy45XK3" +
        "d4r/A7LanRXVCtkveh3brRaYQ3Wq2zf9jzzRqCChfA+ocrd1Xj9/ExN0ey5x2aUGMBSeKr5fnVCrBZE47FwcVEYHm0nI/aovrYytQTcXgxzvIyb03yaaLHXw" +
        "yWWJ1eaBby6J7DtpNb+1Zbobvfqm7p1umkl1VvjxyTbjyJzfEQvMSLgtSMgkf+N3e8y5/+p7ImLqIuObhJ1SMG0rr4mFS6N9+2CKbrdXWzrpAAAAR1LGlYxT" +
        "+ySwOZs3LYQe+JF61QZY5uXM+EQ+9SS9XH4AAc4D5BQAAAoMJe226d8cAgAAAAAKWVo=");

    /// <summary>xz --check=none.</summary>
    internal static byte[] NoCheck => Convert.FromBase64String(
        "/Td6WFoAAAD/EtlBAgAhARYAAAB0L+Wj4ApjAZpdADecCEbUCXplegUKPj3gIy/fxCc2htjGqSg2reiQU5fTVQ5P6KoER7yz0kM9/tFrZ8LS2YKMWneWbWjN" +
        "FIgxo8M5o8nBGKwZOKE8GddevppieR8Xg5usXYoAzKENZduQjtT/+YdLdxHgPGWNqIbt6zRTcacs9AD/fR1X6jrCbdNJrH2TzTTrWbDSDfL5HJtF1qCHkws8" +
        "NTx9tNAYvBUSfiUfbXYpcaTsPtMYo1oB6YM68F5CIzcVtR8D/TZQh5IjJ15DkaJ2F1CY4j6OtCxgRJ8Byzpdvvr4rRplJf1Vx+2fhYro80KmLOepKLy45XK3" +
        "d4r/A7LanRXVCtkveh3brRaYQ3Wq2zf9jzzRqCChfA+ocrd1Xj9/ExN0ey5x2aUGMBSeKr5fnVCrBZE47FwcVEYHm0nI/aovrYytQTcXgxzvIyb03yaaLHXw" +
        "yWWJ1eaBby6J7DtpNb+1Zbobvfqm7p1umkl1VvjxyTbjyJzfEQvMSLgtSMgkf+N3e8y5/+p7ImLqIuObhJ1SMG0rr4mFS6N9+2CKbrdXWzrpAAAAAAGuA+QU" +
        "AABQA9HlqAAK/AIAAAAAAFla");

    /// <summary>xz -T2 --block-size=1000: three blocks with sizes in their headers.</summary>
    internal static byte[] SizesInBlocks => Convert.FromBase64String(
        "/Td6WFoAAATm1rRGA8DVAegHIQEWAAAAm5/REuAD5wDNXQA3nAhG1Al6ZXoFCj494CMv38QnNobYxqkoNq3okFOX01UOT+iqBEe8s9JDPf7Ra2fC0tmCjFp3" +
        "lm1ozRSIMaPDOaPJwRisGTihPBnXXr6aYnkfF4ObrF2KAMyhDWXbkI7U//mHS3cR4DxljaiG7es0U3GnLPQA/30dV+o6wm3TSax9k80061mw0g3y+RybRdag" +
        "h5MLPDU8fbTQGLwVEn4lH212KXGk7D7TGKNaAemDOvBeQiM3FbUfA/02UIeSIydeQ5GidhdQlw+HcFEAAAAAACdpTcVTq5T6A8DZAegHIQEWAAAAFX/tCOAD" +
        "5wDRXQA6GUpFcqPhYUGrpaAy5FrhJIMX2Az0BXuoj9RqEBWCKaqyGboFN+7+NEHjv/79ZxT762F0lgkRXAtfpsnmZBBOqFp7KUXj/Kf8oqFmWN8ktB11bzGz" +
        "J4m3oX7S9Xc5oCYfgC0eEMl0ApPUfdPTiZcbB6VQd1WzYvxCTDJ3st6kseqDeuOejvFre/0aghq1seHXdABc9oJXxP8wb5qcqF4L27G2o10aBmi2qcl2OPzw" +
        "CSVWgW96VR3yWtn3qk24sjDSM5DvnS1ErSwTtMVZYulkhQAAAAAXm3ghZQWz/wPApgGUBSEBFgAAAPY0z2PgApMAnl0ANplKqxgomzFrlV/XXEMGDabm/kS6" +
        "1qrq0rPrSm9o/n5LC4LF7P4BV8XTnkEqi7ak4YTsB1c/8OrTJtyb4gW8IhyocH5zOFjODYHcqvzg1hckswWRTc8NoDWefviiAm3+x/yyKyDGcqLPhOLvUvWz" +
        "wynz+fGT3dao+K75xBBypFksqTWS7PVqidJPUFs6wIzJ4EVZojjZh6x+oE1AwAAAAADblGB/i5eSRwAD7QHoB/EB6Ae+AZQFAAC/lIirrCc+LQQAAAAABFla");

    /// <summary>xz of nothing: a stream without blocks.</summary>
    internal static byte[] Empty => Convert.FromBase64String(
        "/Td6WFoAAATm1rRGAAAAABzfRCEftvN9AQAAAAAEWVo=");

    /// <summary>xz --x86 --lzma2.</summary>
    internal static byte[] X86Filter => Convert.FromBase64String(
        "/Td6WFoAAATm1rRGAgEEACEBFgANhjUf4ApjAZpdADecCEbUCXplegUKPj3gIy/fxCc2htjGqSg2reiQU5fTVQ5P6KoER7yz0kM9/tFrZ8LS2YKMWneWbWjN" +
        "FIgxo8M5o8nBGKwZOKE8GddevppieR8Xg5usXYoAzKENZduQjtT/+YdLdxHgPGWNqIbt6zRTcacs9AD/fR1X6jrCbdNJrH2TzTTrWbDSDfL5HJtF1qCHkws8" +
        "NTx9tNAYvBUSfiUfbXYpcaTsPtMYo1oB6YM68F5CIzcVtR8D/TZQh5IjJ15DkaJ2F1CY4j6OtCxgRJ8Byzpdvvr4rRplJf1Vx+2fhYro80KmLOepKLy45XK3" +
        "d4r/A7LanRXVCtkveh3brRaYQ3Wq2zf9jzzRqCChfA+ocrd1Xj9/ExN0ey5x2aUGMBSeKr5fnVCrBZE47FwcVEYHm0nI/aovrYytQTcXgxzvIyb03yaaLHXw" +
        "yWWJ1eaBby6J7DtpNb+1Zbobvfqm7p1umkl1VvjxyTbjyJzfEQvMSLgtSMgkf+N3e8y5/+p7ImLqIuObhJ1SMG0rr4mFS6N9+2CKbrdXWzrpAAAAcbveKsGw" +
        "guMAAbYD5BQAAKaDVAqxxGf7AgAAAAAEWVo=");

    /// <summary>xz --lzma2=dict=256MiB.</summary>
    internal static byte[] HugeDictionary => Convert.FromBase64String(
        "/Td6WFoAAATm1rRGAgAhASAAAAAJiKV24ApjAZpdADecCEbUCXplegUKPj3gIy/fxCc2htjGqSg2reiQU5fTVQ5P6KoER7yz0kM9/tFrZ8LS2YKMWneWbWjN" +
        "FIgxo8M5o8nBGKwZOKE8GddevppieR8Xg5usXYoAzKENZduQjtT/+YdLdxHgPGWNqIbt6zRTcacs9AD/fR1X6jrCbdNJrH2TzTTrWbDSDfL5HJtF1qCHkws8" +
        "NTx9tNAYvBUSfiUfbXYpcaTsPtMYo1oB6YM68F5CIzcVtR8D/TZQh5IjJ15DkaJ2F1CY4j6OtCxgRJ8Byzpdvvr4rRplJf1Vx+2fhYro80KmLOepKLy45XK3" +
        "d4r/A7LanRXVCtkveh3brRaYQ3Wq2zf9jzzRqCChfA+ocrd1Xj9/ExN0ey5x2aUGMBSeKr5fnVCrBZE47FwcVEYHm0nI/aovrYytQTcXgxzvIyb03yaaLHXw" +
        "yWWJ1eaBby6J7DtpNb+1Zbobvfqm7p1umkl1VvjxyTbjyJzfEQvMSLgtSMgkf+N3e8y5/+p7ImLqIuObhJ1SMG0rr4mFS6N9+2CKbrdXWzrpAAAAcbveKsGw" +
        "guMAAbYD5BQAAKaDVAqxxGf7AgAAAAAEWVo=");
}
