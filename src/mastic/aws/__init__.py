"""The neighbours a pipeline touches."""
