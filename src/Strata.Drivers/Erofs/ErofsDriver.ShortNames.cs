namespace Strata.Drivers.Erofs;

/// <content>
/// Short names of directories that are stacked: mount(2) takes a page of options, which 128 directories by their IDs would not fit into. The
/// beginning of a random ID; any other ID is its own name.
/// </content>
public sealed partial class ErofsDriver
{
    private const int RandomLength = 64;
    private const int NameLength = 24; // of 96 bits: no two are equal

    /// <summary>The layer's directory by its short name, which is made if it is not there.</summary>
    private string ShortPathOf(LayerId id)
    {
        string path = ShortNameOf(id);
        if (Directory.Exists(path))
            return path;
        Directory.CreateDirectory(_layout.ShortNames, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        try
        {
            File.CreateSymbolicLink(path, $"../{id}/diff");
        }
        catch (IOException) when (new FileInfo(path).LinkTarget is not null)
        {
            // another one was faster
        }
        return path;
    }

    private void DeleteShortName(LayerId id)
    {
        if (Directory.Exists(_layout.ShortNames))
            File.Delete(ShortNameOf(id));
    }

    private string ShortNameOf(LayerId id)
    {
        string text = id.ToString();
        bool random = text.Length == RandomLength && text.All(char.IsAsciiHexDigitLower);
        return Path.Combine(_layout.ShortNames, random ? text[..NameLength] : text);
    }

    /// <summary>Deletes names whose layer is gone: of a removal that a crash interrupted.</summary>
    private void SweepShortNames()
    {
        if (!Directory.Exists(_layout.ShortNames))
            return;
        foreach (string link in Directory.EnumerateFileSystemEntries(_layout.ShortNames))
        {
            if (!Directory.Exists(link))
                File.Delete(link);
        }
    }
}
