using Strata.Linux;
using Strata.Testing;

namespace Strata.Drivers.Tests;

/// <content>What drivers may do differently: each is tried, compared with what the driver says of itself, and noted for the table of features.</content>
public abstract partial class DriverSuite
{
    [Fact]
    public void Feature_mounts_and_room()
    {
        var below = Rig.Make("below", null, s => File.WriteAllBytes(s["big"], new byte[1 << 20].Select((_, i) => (byte)(i * 7)).ToArray()));
        Driver.CreateReadWrite(Id("box"), below);
        string root = Driver.Get(Id("box"));
        bool mounted = Mounts.AtOrBelow(Rig.Home).Count > 0;
        string type = Driver.GetMounts(Id("box"), new MountRequest())[0].Type;
        Driver.Put(Id("box"));
        Assert.Equal(Driver.Capabilities.NeedsMounts, mounted);
        Driver.Sync();
        bool shares = Driver.GetUsage(Id("box")).SizeBytes < 1 << 19;
        Note(Feature.FileSystems, FileSystem.Type);
        Note(Feature.Mounts, mounted ? $"a mount of {type}" : "its directory");
        Note(Feature.Shares, YesNo(shares));
        Assert.NotEqual("", root);
    }

    [Fact]
    public void Feature_exact_and_parallel()
    {
        byte[] tar = RichLayers.Below().ToArray();
        Driver.Create(Id("below"), null);
        if (!Driver.Capabilities.AppliesWithoutParent)
            Driver.ApplyDiff(Id("below"), null, new MemoryStream(tar));
        Driver.Create(Id("over"), Id("below"));
        Driver.ApplyDiff(Id("over"), Id("below"), new TarBuilder().Whiteout("file").File("new", "n").ToStream());
        if (Driver.Capabilities.AppliesWithoutParent)
            Driver.ApplyDiff(Id("below"), null, new MemoryStream(tar)); // the layer below after the one above
        string dump = Rig.Dump(Id("over"));
        Assert.Contains("/new ", dump, StringComparison.Ordinal);
        Assert.Contains("/d/one", dump, StringComparison.Ordinal);
        Assert.DoesNotContain("/file ", dump, StringComparison.Ordinal);
        bool exact = Rig.Diff(Id("below"), null).AsSpan().SequenceEqual(tar);
        Assert.Equal(Driver.Capabilities.ReproducesExactDiffs, exact);
        Note(Feature.Exact, YesNo(exact));
        Note(Feature.Parallel, YesNo(Driver.Capabilities.AppliesWithoutParent));
    }

    [Fact]
    public void Feature_kinds_of_files()
    {
        var below = Rig.Make("below", null, s => s.File("f").Dir("d").File("d/in", "x").Dir("to"));
        Driver.CreateReadWrite(Id("box"), below);
        Rig.Use(Id("box"), root =>
        {
            var name = System.Text.Encoding.UTF8.GetBytes(Path.Combine(root, "f"));
            var errno = XattrCalls.TrySetAt(FileCalls.CurrentDirectory, name, "user.x"u8, [1]);
            if (errno == Errno.None)
                errno = XattrCalls.TrySetAt(FileCalls.CurrentDirectory, name, "trusted.x"u8, [1]);
            Assert.Equal(Driver.Capabilities.KeepsXattrs, errno == Errno.None);
            Note(Feature.Xattrs, YesNo(errno == Errno.None));
            int longest = Enumerable.Range(240, 20).Last(length => TryMakeFile(new string('n', length)));
            Assert.Equal(Rig.MaxNameBytes, longest);
            Note(Feature.LongestName, longest.ToString(System.Globalization.CultureInfo.InvariantCulture));
            Note(Feature.Devices, YesNo(Make("null", 1, 3)));
            Note(Feature.Whiteout, YesNo(Make("zero", 0, 0)));
            errno = NameCalls.TryRename(FileCalls.CurrentDirectory, Bytes("d"), FileCalls.CurrentDirectory, Bytes("to/d"), 0);
            Assert.True(errno is Errno.None or Errno.EXDEV, errno.ToString());
            Note(Feature.RenameDirectory, errno == Errno.None ? "yes" : "no (EXDEV)");
            return 0;

            byte[] Bytes(string file) => System.Text.Encoding.UTF8.GetBytes(Path.Combine(root, file));

            bool TryMakeFile(string file) => NameCalls.TryMakeNode(FileCalls.CurrentDirectory, Bytes(file), NameCalls.TypeRegular | 0x180, 0, 0) switch
            {
                Errno.None => true,
                Errno.ENAMETOOLONG => false,
                var other => throw new LinuxException(other, "mknod", file),
            };

            // It is one if it is seen as one, also from a layer above.
            bool Make(string file, uint major, uint minor) =>
                NameCalls.TryMakeNode(FileCalls.CurrentDirectory, Bytes(file), NameCalls.TypeCharDevice | 0x180, major, minor) == Errno.None
                && AttributeCalls.FindStatus(Path.Combine(root, file)) is { Type: NameCalls.TypeCharDevice } seen && seen.RdevMajor == major && seen.RdevMinor == minor;
        });
    }

    [Fact]
    public void Feature_parents()
    {
        var below = Rig.Make("below", null, s => s.File("f"));
        var middle = Rig.Make("middle", below, s => s.File("g"));
        Driver.CreateReadWrite(Id("box"), middle);
        bool readOnly = Rig.Use(middle, root =>
        {
            try
            {
                File.WriteAllText(Path.Combine(root, "written"), "x");
                return false;
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                return true;
            }
        });
        Note(Feature.ReadOnlyParent, YesNo(readOnly));
        Note(Feature.Rebase, YesNo(Driver is IRebasingDriver));
        bool replaces = false;
        var whole = Rig.Apply("whole", null, new TarBuilder().File("f", "whole"));
        var damaged = Rig.Apply("damaged", null, new TarBuilder().File("f", "damaged"));
        try
        {
            if (Driver is ILayerStructure structure)
            {
                structure.ReplaceContent(damaged, whole);
                replaces = Rig.Use(damaged, root => File.ReadAllText(Path.Combine(root, "f"))) == "whole";
                Assert.True(replaces);
            }
        }
        catch (StrataException e) when (e.Kind == ErrorKind.NotSupported)
        {
            replaces = false; // it says so
        }
        Note(Feature.Replace, YesNo(replaces));
    }

    [Fact]
    public void Feature_limits()
    {
        var below = Rig.Make("below", null, s => s.File("f"));
        string[] ways = ["", "project", "loop"];
        var kept = new List<string>();
        foreach (string way in ways)
        {
            var options = new Dictionary<string, string> { ["size"] = "24m" };
            if (way.Length > 0)
                options["backing"] = way;
            try
            {
                Driver.CreateReadWrite(Id("box"), below, new CreateOptions { StorageOptions = options });
            }
            catch (StrataException e) when (e.Kind is ErrorKind.NotSupported or ErrorKind.InvalidArgument)
            {
                Assert.False(Driver.Exists(Id("box")));
                if (way.Length == 0 && e.Kind == ErrorKind.NotSupported)
                    kept.Add("project quotas"); // known, but not on this file system as it is mounted: see tools/guest/quota.sh
                continue;
            }
            bool limited = Rig.Use(Id("box"), root =>
            {
                try
                {
                    using (var file = File.Create(Path.Combine(root, "much")))
                    {
                        for (int i = 0; i < 32; i++)
                            file.Write(System.Security.Cryptography.RandomNumberGenerator.GetBytes(1 << 20));
                        file.Flush(flushToDisk: true);
                    }
                    return false;
                }
                catch (IOException)
                {
                    return true;
                }
            });
            Assert.True(limited, $"a size was taken ('{way}') and not kept");
            kept.Add(way.Length == 0 ? "yes" : way == "loop" ? "an image" : "project quotas");
            Driver.Remove(Id("box"));
        }
        Note(Feature.SizeLimit, kept.Count == 0 ? "no" : string.Join(", ", kept));
        bool inodes = true;
        try
        {
            Driver.CreateReadWrite(Id("box"), below, new CreateOptions { StorageOptions = new Dictionary<string, string> { ["inodes"] = "100" } });
        }
        catch (StrataException e) when (e.Kind is ErrorKind.NotSupported or ErrorKind.InvalidArgument)
        {
            inodes = e.Kind == ErrorKind.NotSupported; // known, but not here
        }
        Note(Feature.InodeLimit, inodes ? "project quotas" : "no");
    }

    private static string YesNo(bool value) => value ? "yes" : "no";

    private void Note(string feature, string found)
    {
        if (Rig.Kind != "naive") // overlay, another way
            FeatureTable.Note(Rig.Kind, FileSystem.Type, feature, found);
    }
}
