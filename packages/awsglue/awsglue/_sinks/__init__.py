"""Where DynamicFrames go: S3 formats with catalog updates, databases."""
