using System.Runtime.CompilerServices;

[assembly: InternalsVisibleTo("Strata.Store.Tests")]
