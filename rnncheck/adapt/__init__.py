"""`rnncheck adapt`: a wrapper around a layer that cannot be read, written as far as can be found out."""

from rnncheck.adapt.adapt import adapt

__all__ = ["adapt"]
