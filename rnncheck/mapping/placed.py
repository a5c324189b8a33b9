"""A tensor of a candidate with its layout, layer and direction."""

from dataclasses import dataclass

from rnncheck.mapping.layouts import Layout


@dataclass(frozen=True)
class Placed:
    """A tensor, how it is laid out, and its place k = layer * D + direction.

    `pinned` is the kind that torch gives its name; of a bias, `adds` says that it acts as one, whatever its name.
    """

    name: str
    layout: Layout
    k: int
    live: bool
    pinned: str | None = None
    adds: bool = False
