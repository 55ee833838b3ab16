using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Strata.Linux.Tests;

/// <summary>Sizes and offsets as the kernel's headers have them on 64-bit machines.</summary>
public sealed class LayoutTests
{
    [Fact]
    public void Structs_have_the_kernels_sizes()
    {
        Assert.Equal(16, Unsafe.SizeOf<TimeSpec>());
        Assert.Equal(16, Unsafe.SizeOf<StatxTimestamp>());
        Assert.Equal(256, Unsafe.SizeOf<StatxBuffer>());
        Assert.Equal(120, Unsafe.SizeOf<StatFsBuffer>());
        Assert.Equal(24, Unsafe.SizeOf<OpenHow>());
        Assert.Equal(16, Unsafe.SizeOf<XattrArgs>());
        Assert.Equal(32, Unsafe.SizeOf<MountAttr>());
        Assert.Equal(32, Unsafe.SizeOf<CloneRange>());
        Assert.Equal(232, Unsafe.SizeOf<LoopInfo64>());
        Assert.Equal(304, Unsafe.SizeOf<LoopConfig>());
        Assert.Equal(112, Unsafe.SizeOf<BtrfsSearchArguments>());
        Assert.Equal(28, Unsafe.SizeOf<FsXattr>());
        Assert.Equal(72, Unsafe.SizeOf<DiskQuota>());
        Assert.Equal(160, Unsafe.SizeOf<QuotaStateBuffer>());
    }

    [Theory]
    [InlineData(nameof(StatxBuffer.Mode), 0x1C)]
    [InlineData(nameof(StatxBuffer.Inode), 0x20)]
    [InlineData(nameof(StatxBuffer.Size), 0x28)]
    [InlineData(nameof(StatxBuffer.Blocks), 0x30)]
    [InlineData(nameof(StatxBuffer.AccessTime), 0x40)]
    [InlineData(nameof(StatxBuffer.BirthTime), 0x50)]
    [InlineData(nameof(StatxBuffer.ChangeTime), 0x60)]
    [InlineData(nameof(StatxBuffer.ModifyTime), 0x70)]
    [InlineData(nameof(StatxBuffer.RdevMajor), 0x80)]
    [InlineData(nameof(StatxBuffer.DevMajor), 0x88)]
    [InlineData(nameof(StatxBuffer.MountId), 0x90)]
    public void Statx_has_the_kernels_offsets(string field, int offset) => Assert.Equal(offset, (int)Marshal.OffsetOf<StatxBuffer>(field));

    [Theory]
    [InlineData(0u, 0u, 0ul)]
    [InlineData(8u, 1u, 0x801ul)]
    [InlineData(259u, 70000u, 0x11110370ul)]
    [InlineData(0xFFFFFFFFu, 0xFFFFFFFFu, 0xFFFFFFFFFFFFFFFFul)]
    public void Device_numbers_are_encoded_as_makedev_does(uint major, uint minor, ulong expected) =>
        Assert.Equal(expected, NameCalls.MakeDevice(major, minor));

    [Fact]
    public void Flags_fit_the_architecture()
    {
        bool arm = RuntimeInformation.ProcessArchitecture == Architecture.Arm64;
        Assert.Equal(arm ? 0x4000 : 0x10000, OpenFlags.Directory);
        Assert.Equal(arm ? 0x8000 : 0x20000, OpenFlags.NoFollow);
        Assert.Equal(arm ? 61 : 217, SyscallNumbers.GetDents64);
    }
}
