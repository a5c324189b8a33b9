"""A report as text: each reporter reads the facts and lays them out; none computes a fact of its own."""
