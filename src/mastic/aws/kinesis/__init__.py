"""Kinesis Data Streams: streams, shards and records, durable in the store."""
