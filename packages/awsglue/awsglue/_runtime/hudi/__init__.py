"""Apache Hudi tables: read through the `hudi` library, written by us (Copy-on-Write, table version 6)."""
