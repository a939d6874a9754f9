"""Data quality transforms: the package that Glue's own image carries."""
