"""The report as text: each reporter lays out the facts; none computes a fact."""
