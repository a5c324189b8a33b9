"""Where an element of a quantity is: which timestep, batch row, unit, layer and direction."""

from collections.abc import Callable, Sequence

from rnncheck.model.spec import Spec
from rnncheck.report import Place

Locate = Callable[[int, int, int], Place]  # row, batch, column
DIRECTIONS = ("forward", "reverse")


def in_output(spec: Spec) -> Locate:
    """For output (T, B, D*R): the last layer's state at each step, forward units first."""

    def place(row: int, batch: int, column: int) -> Place:
        direction, unit = divmod(column, spec.state_size)
        return Place(row, batch, unit, spec.num_layers - 1, DIRECTIONS[direction])

    return place


def in_head(spec: Spec) -> Locate:
    """For y (T, B, H), the head's outputs, which read both directions."""
    return lambda row, batch, column: Place(row, batch, column, spec.num_layers - 1, DIRECTIONS[0])


def in_final_state(spec: Spec, ends: Sequence[int]) -> Locate:
    """For h_n, c_n (L*D, B, R): `ends` is each row's number of timesteps; the reverse direction ends at t = 0."""

    def place(row: int, batch: int, column: int) -> Place:
        layer, direction = divmod(row, spec.directions)
        t = 0 if direction else ends[batch] - 1
        return Place(t, batch, column, layer, DIRECTIONS[direction])

    return place
