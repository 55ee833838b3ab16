using Strata;
using Strata.Oci;
using Strata.Store;

// Loads an image into a store, makes a writable layer over it, writes a file, and says what changed.
// usage: MountImage ROOT IMAGE-FILE
if (args is not [var root, var imageFile])
{
    Console.Error.WriteLine("usage: MountImage ROOT IMAGE-FILE");
    return 2;
}
using var cancelled = new CancellationTokenSource();
Console.CancelKeyPress += (_, e) => { e.Cancel = true; cancelled.Cancel(); };
try
{
    await using var store = await Store.OpenAsync(new StoreOptions { Root = root }, cancelled.Token);
    var image = (await new ImageLoader(store).LoadAsync(imageFile, cancelled.Token))[0];
    Console.WriteLine($"{(image.Names is [var first, ..] ? first : image.Config.ToString())}: {image.SizeBytes} bytes of files, kept by {store.Driver.Name}");

    await store.CreateWritableAsync("sample", image.TopLayer, image.Manifest, cancellationToken: cancelled.Token);
    string path = await store.MountAsync("sample", cancellationToken: cancelled.Token);
    try
    {
        await File.WriteAllTextAsync(Path.Combine(path, "hello"), "from a sample\n", cancelled.Token);
    }
    finally
    {
        await store.UnmountAsync("sample");
    }
    foreach (var change in await store.ChangesAsync("sample", cancellationToken: cancelled.Token))
        Console.WriteLine(change);
    await using (var tar = File.Create(Path.Combine(root, "sample.tar")))
        await store.DiffAsync("sample", tar, cancellationToken: cancelled.Token);
    await store.RemoveWritableAsync("sample");
    return 0;
}
catch (StrataException e)
{
    Console.Error.WriteLine($"{e.Kind}: {e.Message}");
    return 1;
}
