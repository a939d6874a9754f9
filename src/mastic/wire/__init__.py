"""The AWS wire: every service on one port, built from botocore's service models. Knows no service's rules."""
