using System.Runtime.CompilerServices;

[assembly: InternalsVisibleTo("Strata.Oci.Tests")]
