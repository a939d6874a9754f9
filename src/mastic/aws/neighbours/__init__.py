"""SQS, SNS, KMS, Secrets Manager, SSM, DynamoDB, Step Functions and EC2's networks, by an embedded library."""
