"""Delta Lake tables on the embedded engine, through the `deltalake` library."""
