"""Apache Hudi tables: read through the `hudi` library, written by us (base files, table version 6)."""
