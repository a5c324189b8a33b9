"""The model: its spec, weights and states, in memory and in files."""
