"""Glue's nouns: their rules and state machines."""
