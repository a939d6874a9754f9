"""The only code that acts by itself."""
