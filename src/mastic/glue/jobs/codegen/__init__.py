"""Scripts made from the nodes of a visual job, and the older scripts made from a graph of catalog tables."""
