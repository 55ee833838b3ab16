using System.Runtime.CompilerServices;

[assembly: InternalsVisibleTo("Strata.Trees.Tests")]
[assembly: InternalsVisibleTo("Strata.Drivers.Tests")]
