"""Connections to data stores outside."""
