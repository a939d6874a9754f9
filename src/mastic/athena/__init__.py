"""Athena: SQL over the catalog."""
