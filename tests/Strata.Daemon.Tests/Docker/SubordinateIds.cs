namespace Strata.Daemon.Tests.Docker;

/// <summary>IDs for Docker's user namespaces, in the files of this machine; as they were before when it is disposed.</summary>
internal sealed class SubordinateIds : IDisposable
{
    /// <summary>A user and a group of every Debian system whom nothing else here uses.</summary>
    internal const string User = "games:games";
    private static readonly string[] _files = ["/etc/subuid", "/etc/subgid"];
    private readonly string?[] _before = [.. _files.Select(file => File.Exists(file) ? File.ReadAllText(file) : null)];

    internal SubordinateIds()
    {
        for (int i = 0; i < _files.Length; i++)
            File.WriteAllText(_files[i], _before[i] + "games:100000:65536\n");
    }

    public void Dispose()
    {
        for (int i = 0; i < _files.Length; i++)
        {
            if (_before[i] is { } text)
                File.WriteAllText(_files[i], text);
            else
                File.Delete(_files[i]);
        }
    }
}
