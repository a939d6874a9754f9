"""Triggers: what starts when."""
