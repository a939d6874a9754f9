"""Machine-learning transforms: the package that Glue's own image carries."""
