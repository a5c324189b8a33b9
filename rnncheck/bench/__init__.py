"""Is it faster? Two layers that are equivalent, timed against each other over a grid of sizes."""
