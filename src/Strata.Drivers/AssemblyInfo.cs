using System.Runtime.CompilerServices;

[assembly: InternalsVisibleTo("Strata.Drivers.Tests")]
