"""One gradient of both sides as a quantity: how it is called, where its elements are, how it is compared."""

from dataclasses import replace

from torch import Tensor

from rnncheck.backward.differentiate import INPUTS, Derived, Run
from rnncheck.backward.task import Allowances
from rnncheck.compare import Fold
from rnncheck.places import DIRECTIONS, Locate
from rnncheck.report import Comparison, Entry, Place
from rnncheck.tolerance import Tolerance


def called(name: str) -> str:
    return f"grad {name}"


def compare(run: Run, name: str, found: Derived, reference: Tensor, allowances: Allowances, mode: str) -> Comparison:
    """The gradient of `name`: the candidate's among those `found`, and the reference's."""
    candidate = found.gradients.get(name)
    if candidate is None:
        problem = found.problem or f"no gradient reaches {name}"
        if name in found.unregistered:
            problem = "not among the candidate's registered parameters"
        return Comparison(called(name), mode, problem=problem)
    fold = Fold(called(name), locate(run, name), mode=mode)
    allowed = allowances if isinstance(allowances, Tolerance) else in_rows(name, allowances[name])
    fold.add(in_rows(name, candidate), in_rows(name, reference), allowed)
    compared = fold.result()
    if name in INPUTS or compared.at is None:
        return compared
    # A parameter serves all timesteps and rows: its gradient has an entry, and no place in time.
    at = compared.at
    entry = Entry(row=at.t, column=at.unit, layer=at.layer, direction=at.direction)
    return replace(compared, at=None, entry=entry, first_divergence=None)


def in_rows(name: str, gradient: Tensor) -> Tensor:
    """As (rows, B, columns); that of a parameter as if there were one batch row, of a bias as a single column."""
    if name in INPUTS:
        return gradient
    return gradient.view(len(gradient), 1, -1)


def locate(run: Run, name: str) -> Locate:
    """Where an element is.

    Of x, at its timestep, its feature as the unit. Of h0 and c0, at the first timestep that reads them: for the
    reverse direction the last of each row.
    """
    if name == "x":
        return lambda row, batch, column: Place(row, batch, column, 0, DIRECTIONS[0])
    if name in INPUTS:
        ends = run.ends

        def place(row: int, batch: int, column: int) -> Place:
            layer, direction = divmod(row, run.spec.directions)
            return Place(ends[batch] - 1 if direction else 0, batch, column, layer, DIRECTIONS[direction])

        return place
    layer, direction = layer_and_direction(name)
    return lambda row, batch, column: Place(row, batch, column, layer, direction)


def layer_and_direction(parameter: str) -> tuple[int, str]:
    """Of "weight_hh_l1_reverse": (1, "reverse")."""
    _, _, place = parameter.rpartition("_l")
    layer, _, direction = place.partition("_")
    return int(layer), direction or DIRECTIONS[0]
