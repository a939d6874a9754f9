"""The Glue catalog as a Spark session sees it: names, databases, tables, partitions, views."""
