"""Apache Spark (classic, with a JVM) under the same awsglue."""
