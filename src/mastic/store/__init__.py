"""Every fact that must last, in SQLite or PostgreSQL."""
