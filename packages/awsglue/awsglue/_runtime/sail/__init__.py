"""The embedded engine: Sail in this process, spoken to by the Spark Connect client, behind our facade and plan gate."""
