"""Job processes: where they run and what they run in."""
