"""A check, from its plan to its report."""
