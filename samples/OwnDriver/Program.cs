using OwnDriver;
using Strata;
using Strata.Drivers;

// Registers a driver of its own, and uses it as every other one: two layers, and what the second changed.
// usage: OwnDriver ROOT
if (args is not [var root])
{
    Console.Error.WriteLine("usage: OwnDriver ROOT");
    return 2;
}
var registry = new DriverRegistry();
registry.Register("cp", (home, _) => new NaiveDiffDriver(new CpDriver(home)));
var driver = registry.New(root);

var (below, above) = (LayerId.New(), LayerId.New());
driver.Create(below, parent: null);
File.WriteAllText(Path.Combine(driver.Get(below), "kept"), "x");
File.WriteAllText(Path.Combine(driver.Get(below), "removed"), "x");
driver.CreateReadWrite(above, below);
File.Delete(Path.Combine(driver.Get(above), "removed"));
File.WriteAllText(Path.Combine(driver.Get(above), "added"), "x");
foreach (var change in driver.Changes(above, below))
    Console.WriteLine(change);
driver.Remove(above);
driver.Remove(below);
return 0;
