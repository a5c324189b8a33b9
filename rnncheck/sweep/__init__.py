"""A sweep: many configurations of one layer, the smallest of each kind in which the two sides differ."""
