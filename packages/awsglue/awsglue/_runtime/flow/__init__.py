"""Simple row pipelines (scan, project, filter, drop duplicates) run by DuckDB inside the job's process."""
