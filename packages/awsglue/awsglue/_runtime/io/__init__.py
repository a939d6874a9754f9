"""Our own reading and writing of files: the same answers on every engine."""
