"""Times two equivalent layers against each other over a grid of sizes."""
