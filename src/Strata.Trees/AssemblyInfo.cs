using System.Runtime.CompilerServices;

[assembly: InternalsVisibleTo("Strata.Trees.Tests")]
