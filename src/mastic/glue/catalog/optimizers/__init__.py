"""Table optimizers: what keeps Iceberg tables in shape by itself."""
