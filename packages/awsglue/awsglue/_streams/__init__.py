"""Streams: Kafka topics and Kinesis streams as micro-batches with durable checkpoints, on either engine."""
