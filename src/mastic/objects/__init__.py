"""The sole door to S3 bytes: embedded on disk, or any S3."""
