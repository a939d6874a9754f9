"""Iceberg tables through the Glue catalog, on PyIceberg: reads, commits, row-level changes."""
