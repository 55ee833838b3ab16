using System.Runtime.CompilerServices;

[assembly: InternalsVisibleTo("Strata.Linux.Tests")]
