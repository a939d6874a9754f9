"""The Hive Metastore's door to the Data Catalog: stock Spark, Hive and Trino see it without any jar of ours."""
