"""The awsglue API: the names a Glue script imports."""
