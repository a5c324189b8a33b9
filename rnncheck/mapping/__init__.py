"""How a candidate's tensors are filled from canonical weights: measured, written down, and proved."""

from rnncheck.mapping.found import Entry, FoundMapping, MappingError
from rnncheck.mapping.given import given
from rnncheck.mapping.inference import infer
from rnncheck.mapping.proof import shows
from rnncheck.mapping.toml_file import load, save

__all__ = ["Entry", "FoundMapping", "MappingError", "given", "infer", "load", "save", "shows"]
