using System.Runtime.CompilerServices;

[assembly: InternalsVisibleTo("Strata.Formats.Tests")]
