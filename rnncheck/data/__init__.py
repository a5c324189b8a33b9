"""The data that both sides read: random, or from a file."""
