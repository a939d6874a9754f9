"""Where DynamicFrames come from: S3 formats, catalog tables, databases."""
