"""The mapping: which of torch's weights each tensor of a candidate holds; measured, written and proved."""

from rnncheck.mapping.found import FoundMapping, GivenMappingError, MappingError, TensorEntry
from rnncheck.mapping.given import given, names_in
from rnncheck.mapping.inference import infer
from rnncheck.mapping.proof import shows
from rnncheck.mapping.toml_file import load, save

__all__ = [
    "FoundMapping",
    "GivenMappingError",
    "MappingError",
    "TensorEntry",
    "given",
    "infer",
    "load",
    "names_in",
    "save",
    "shows",
]
