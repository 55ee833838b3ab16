using Strata.Trees;

namespace Strata.Store;

/// <summary>A private file that tells a full disk by its kind: those who write to it by a stream don't know that it is a file.</summary>
/// <param name="path">Where it is made.</param>
/// <param name="what">What fails if writing does: <c>Can't write a temporary file in /var/lib/strata</c>.</param>
internal sealed class TemporaryFile(string path, string what) : FileStream(path, _options)
{
    private static readonly FileStreamOptions _options = new()
    {
        Mode = FileMode.CreateNew, Access = FileAccess.ReadWrite, BufferSize = 128 * 1024, UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite,
    };

    public override void Write(byte[] buffer, int offset, int count) => Guard(() => base.Write(buffer, offset, count)); // the framework calls it for spans, too

    public override void Flush(bool flushToDisk) => Guard(() => base.Flush(flushToDisk));

    protected override void Dispose(bool disposing)
    {
        try
        {
            base.Dispose(disposing);
        }
        catch (IOException)
        {
            // What was not written is gone with the file; it is closed all the same.
        }
    }

    private void Guard(Action write)
    {
        try
        {
            write();
        }
        catch (IOException e)
        {
            throw FileErrors.Translate(e, what);
        }
    }
}
