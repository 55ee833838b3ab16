using System.Text;
using Strata.Linux;
using Strata.Trees;

namespace Strata.Drivers.Tests;

/// <summary>Changes a root file system, with fixed times, so that the same scene gives the same tree everywhere.</summary>
public sealed class Scene(string root)
{
    private static readonly FileTime Time = new(1_500_000_000, 987_654_321);

    /// <summary>The root file system.</summary>
    public string Root => root;

    /// <summary>The path of a name of text.</summary>
    public string this[string name] => Path.Combine(root, name);

    /// <summary>Writes a file; one that is there is written over.</summary>
    public Scene File(string name, string content = "", int mode = 0x1A4, uint uid = 0, uint gid = 0, FileTime? time = null)
    {
        System.IO.File.WriteAllText(this[name], content);
        return Owner(name, uid, gid).Mode(name, mode).Touch(name, time ?? Time);
    }

    /// <summary>Makes a directory.</summary>
    public Scene Dir(string name, int mode = 0x1ED, uint uid = 0, uint gid = 0)
    {
        Directory.CreateDirectory(this[name]);
        return Owner(name, uid, gid).Mode(name, mode);
    }

    /// <summary>Makes a symbolic link.</summary>
    public Scene Symlink(string name, string target)
    {
        Check(NameCalls.TryMakeSymlink(Encoding.UTF8.GetBytes(target), FileCalls.CurrentDirectory, Bytes(name)));
        return Touch(name, Time);
    }

    /// <summary>Makes a hard link.</summary>
    public Scene Link(string name, string target)
    {
        Check(NameCalls.TryLink(FileCalls.CurrentDirectory, Bytes(target), FileCalls.CurrentDirectory, Bytes(name)));
        return this;
    }

    /// <summary>Makes a device, fifo or socket.</summary>
    public Scene Node(string name, int typeAndMode, uint major = 0, uint minor = 0)
    {
        Check(NameCalls.TryMakeNode(FileCalls.CurrentDirectory, Bytes(name), typeAndMode, major, minor));
        return Touch(name, Time);
    }

    /// <summary>Sets a mode.</summary>
    public Scene Mode(string name, int mode)
    {
        Check(AttributeCalls.TryChmodAt(FileCalls.CurrentDirectory, Bytes(name), mode));
        return this;
    }

    /// <summary>Sets an owner.</summary>
    public Scene Owner(string name, uint uid, uint gid)
    {
        Check(AttributeCalls.TryChownAt(FileCalls.CurrentDirectory, Bytes(name), uid, gid));
        return this;
    }

    /// <summary>Sets a time.</summary>
    public Scene Touch(string name, FileTime time)
    {
        Check(AttributeCalls.TrySetTimeAt(FileCalls.CurrentDirectory, Bytes(name), time));
        return this;
    }

    /// <summary>Sets an extended attribute.</summary>
    public Scene Xattr(string name, string attribute, params byte[] value)
    {
        Check(XattrCalls.TrySetAt(FileCalls.CurrentDirectory, Bytes(name), Encoding.UTF8.GetBytes(attribute), value));
        return this;
    }

    /// <summary>Removes a name and all below it.</summary>
    public Scene Remove(string name)
    {
        var errno = AttributeCalls.TryStat(FileCalls.CurrentDirectory, Bytes(name), out _);
        Assert.True(errno == Errno.None, $"{name} is not there to be removed: {errno}");
        TreeRemover.Remove(this[name]);
        return this;
    }

    /// <summary>Renames.</summary>
    public Scene Rename(string from, string to)
    {
        NameCalls.Rename(this[from], this[to]);
        return this;
    }

    /// <summary>Gives all directories one time, the innermost first: fuse-overlayfs's copying up of one changes the time of that around it.</summary>
    public void Seal()
    {
        foreach (string directory in Directory.EnumerateDirectories(root, "*", new EnumerationOptions
        {
            RecurseSubdirectories = true,
            AttributesToSkip = FileAttributes.ReparsePoint,
            IgnoreInaccessible = false,
        }).Append(root).OrderByDescending(directory => directory.Length))
            Check(AttributeCalls.TrySetTimeAt(FileCalls.CurrentDirectory, Encoding.UTF8.GetBytes(directory), Time));
    }

    private byte[] Bytes(string name) => Encoding.UTF8.GetBytes(this[name]);

    private static void Check(Errno errno) => Assert.Equal(Errno.None, errno);
}
