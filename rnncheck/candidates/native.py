"""What a candidate is before its weights are mapped; `rnncheck.native` has it, for mapping too."""

from rnncheck.native import Facts, Native

__all__ = ["Facts", "Native"]
