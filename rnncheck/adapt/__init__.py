"""`rnncheck adapt`: writes a wrapper for a layer that rnncheck cannot read."""

from rnncheck.adapt.adapt import adapt

__all__ = ["adapt"]
