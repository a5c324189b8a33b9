"""The data that both sides read."""

from rnncheck.sequences.base import Sequences

__all__ = ["Sequences"]
