"""Amazon S3, durable on disk."""
