"""What a model is: its spec, weights and states, in memory and in files."""
