"""What is told of one fault."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from rnncheck.model.spec import Cell

EVERY = (Cell.RNN, Cell.LSTM, Cell.GRU)
GATED = (Cell.LSTM, Cell.GRU)


@dataclass(frozen=True)
class Page:
    """One fault, explained. The screen, the docs and the hints beside findings are all made of this.

    Equations are plain text on column vectors, as in `torch.nn`'s docs; ⊙ multiplies element by element. Timesteps are
    counted from 0, so h_{-1} is the state before the first. Code is PyTorch, in which a row is a sequence.
    """

    slug: str
    family: str
    cells: tuple[Cell, ...]
    title: str  # one clause that fits after "slug: ", no full stop
    right: str  # equations
    wrong: str
    causes: str  # how it usually comes about
    looks: str  # what the report shows of it
    mend: str  # one imperative sentence: the hint beside a finding
    right_code: str
    wrong_code: str
    plantable: bool = True  # whether rnncheck can commit it on purpose, as `fault:SLUG`
    variants: Mapping[Cell, str] = field(default_factory=dict)  # the one to try of each cell: `fault:SLUG:VARIANT`
    options: str = ""  # without which it could not show

    def try_it(self, cell: Cell | None = None) -> str | None:
        """The command that holds this fault against the reference, for that cell or the first it is a fault of."""
        if not self.plantable:
            return None
        chosen = cell or self.cells[0]
        name = ":".join(filter(None, ["fault", self.slug, self.variants.get(chosen)]))
        options = [f"--cell {chosen}"] if chosen is not Cell.RNN else []
        return " ".join(filter(None, ["rnncheck compare", name, *options, self.options]))
