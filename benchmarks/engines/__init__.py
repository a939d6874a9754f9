"""The same scripts on the embedded engine, on Apache Spark and, as SQL, on DuckDB."""
