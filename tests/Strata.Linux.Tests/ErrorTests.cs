using Strata.Testing;

namespace Strata.Linux.Tests;

public sealed class ErrorTests
{
    [Theory]
    [InlineData(Errno.ENOENT, ErrorKind.NotFound)]
    [InlineData(Errno.EEXIST, ErrorKind.AlreadyExists)]
    [InlineData(Errno.EACCES, ErrorKind.PermissionDenied)]
    [InlineData(Errno.EPERM, ErrorKind.PermissionDenied)]
    [InlineData(Errno.ENOSPC, ErrorKind.Exhausted)]
    [InlineData(Errno.EDQUOT, ErrorKind.Exhausted)]
    [InlineData(Errno.EMFILE, ErrorKind.Exhausted)]
    [InlineData(Errno.ENFILE, ErrorKind.Exhausted)]
    [InlineData(Errno.ENOMEM, ErrorKind.Exhausted)]
    [InlineData(Errno.EBUSY, ErrorKind.FailedPrecondition)]
    [InlineData(Errno.EROFS, ErrorKind.FailedPrecondition)]
    [InlineData(Errno.EOPNOTSUPP, ErrorKind.NotSupported)]
    [InlineData(Errno.ENOSYS, ErrorKind.NotSupported)]
    [InlineData(Errno.EUCLEAN, ErrorKind.Corrupt)]
    [InlineData(Errno.EBADMSG, ErrorKind.Corrupt)]
    [InlineData(Errno.EIO, ErrorKind.Corrupt)]
    [InlineData(Errno.ELOOP, ErrorKind.InvalidArgument)]
    [InlineData(Errno.EXDEV, ErrorKind.InvalidArgument)]
    [InlineData(Errno.ENAMETOOLONG, ErrorKind.InvalidArgument)]
    [InlineData(Errno.EINVAL, ErrorKind.InvalidArgument)]
    [InlineData(Errno.EAGAIN, ErrorKind.Unavailable)]
    [InlineData((Errno)9999, ErrorKind.Unknown)]
    public void Every_errno_has_its_kind(Errno errno, ErrorKind kind) => Assert.Equal(kind, new LinuxException(errno, "call").Kind);

    [Fact]
    public void Every_errno_that_is_named_is_the_kernels()
    {
        foreach (var errno in Enum.GetValues<Errno>().Where(e => e != Errno.None))
        {
            string output = Commands.Run("perl", "-MErrno", "-e", $"print Errno::{errno}()");
            Assert.Equal((int)errno, int.Parse(output));
        }
    }

    [Fact]
    public void The_message_names_call_path_and_reason()
    {
        var error = Assert.Throws<LinuxException>(() => FileCalls.Open("/nowhere/at/all", OpenFlags.ReadOnly));
        Assert.Equal(Errno.ENOENT, error.Errno);
        Assert.Equal("open", error.Call);
        Assert.Equal("/nowhere/at/all", error.Path);
        Assert.Equal("open /nowhere/at/all: No such file or directory (ENOENT)", error.Message);
    }

    [Fact]
    public void A_full_disk_says_what_to_do() =>
        Assert.Contains("Free some space", new LinuxException(Errno.ENOSPC, "write", "x").Message, StringComparison.Ordinal);

    [Fact]
    public void A_name_with_a_nul_is_refused()
    {
        var error = Assert.Throws<StrataException>(() => FileCalls.TryOpenAt(FileCalls.CurrentDirectory, "a\0b"u8, 0, 0, out _));
        Assert.Equal(ErrorKind.InvalidArgument, error.Kind);
    }
}
