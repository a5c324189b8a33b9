"""What the options leave unsaid of a candidate: its cell, and how many layers and directions it has."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from itertools import combinations
from typing import Any

from rnncheck.errors import CannotRun, UsageError
from rnncheck.mapping.budget import Budget
from rnncheck.mapping.found import OtherLayer
from rnncheck.model.spec import Cell, Spec
from rnncheck.user_code import sizes
from rnncheck.user_code.cells import Inferred, inferred, named
from rnncheck.user_code.construct import construct
from rnncheck.user_code.instances import Instances
from rnncheck.user_code.loading import Loaded
from rnncheck.user_code.roles import cell_of_default
from rnncheck.user_code.understanding import Understanding


class Unsaid:
    """Finds it out from the names and weights of the candidate, or from what it computes, and adds `notes` of it."""

    def __init__(self, loaded: Loaded, instances: Instances, understood: Understanding, notes: list[str]) -> None:
        self._loaded, self._instances, self._understood, self.notes = loaded, instances, understood, notes
        self._other: OtherLayer | None = None  # what it was found to be

    def shape(self, unsaid: Sequence[str], spec: Spec, cell: Cell | None) -> Mapping[str, Any]:
        """The layers and directions that an instance has, or that a class makes unless it is told otherwise.

        Without a number that is about something else, such as its head.
        """
        found = {name: value for name, value in self._instances.shape(spec).items() if name in unsaid}
        own = self._of_its_layer(found, spec, cell) if found else found
        for name, value in found.items():
            option = f"--{name.replace('_', '-')} 1" if name == "num_layers" else f"--no-{name}"
            if name not in own:
                said = f"{name} {value} of {self._loaded.called} is of another part than its recurrent layer"
            elif self._loaded.lives or name not in self._instances.takes:
                said = f"{name} is {value}, as {self._loaded.called} says"
            else:
                said = f"{name} is {value}, the default of {self._loaded.called}; {option} sets another"
            self.notes.append(said)
        return own

    def _of_its_layer(self, found: Mapping[str, Any], spec: Spec, cell: Cell | None) -> Mapping[str, Any]:
        """Those of the numbers with which it computes a layer while the others are of other parts; else all."""
        whole = replace(spec, **found)
        for number in range(len(found), -1, -1):
            for names in combinations(found, number):
                own = {name: found[name] for name in names}
                part = replace(spec, **own)
                with suppress(CannotRun, UsageError):
                    its = cell or self._inferred(part)[0]
                    if self._agrees(part, its) and (
                        own == found or self._understood.is_of_other_parts(of_cell(part, its), of_cell(whole, its))
                    ):
                        return own
        return found

    def cell(self, spec: Spec) -> Cell:
        """The cell of the candidate, from its name and its weights, or else from the published layer that it computes.

        Raises `UsageError` if neither decides.
        """
        cell, because = self._inferred(spec)
        self.notes.append(f"cell {cell}, inferred from {because}; --cell sets another")
        return cell

    def another_cell(self, spec: Spec) -> str | None:
        """Why it is not of the cell of the spec, where both its name and its weights say another."""
        said, _ = named(self._loaded)
        if said in (None, spec.cell):
            return None
        with suppress(CannotRun, UsageError):
            found = self._by_name_and_weights(spec)
            if found.twice:
                return f"it is {found.cell.called}, as {found.because} say; compare it with --cell {found.cell}"
        return None

    def _by_name_and_weights(self, spec: Spec) -> Inferred:
        held, takes_c = self._instances.holds, self._instances.takes_cell_state
        return inferred(self._loaded, lambda: held(spec), takes_c)

    def _inferred(self, spec: Spec) -> tuple[Cell, str]:
        """The cell, and what it was inferred from."""
        if (own := self._by_default()) is not None:
            return own, "the default of its constructor"
        try:
            found = self._by_name_and_weights(spec)
            other = self._accepted(spec, found.cell)
            return (found.cell, found.because) if other is None else (other, "what its constructor accepts")
        except UsageError as problem:
            said, _ = named(self._loaded)  # a layer with fewer gates may be a variant of that cell
            budget = Budget()
            for cell in sorted(Cell, key=lambda cell: cell is not said):
                if self._agrees(spec, cell):
                    return cell, "what it computes"
                if budget.over:
                    break
            if self._other is not None:
                raise self._other from problem
            if said is None:
                raise
            raise UsageError(
                f"{problem}\nrnncheck finds no layer of torch.nn's and no variant in it; --cell {said} shows how far "
                "it got"
            ) from problem

    def _by_default(self) -> Cell | None:
        """The cell that its constructor makes unless it is told another, if its name says no other."""
        constructor = self._instances.constructor
        default = constructor.default("mode") if constructor is not None and constructor.of_any_cell else None
        if named(self._loaded)[0] not in (None, Cell.RNN):
            return None
        if (cell := cell_of_default(default)) is not None:
            return Cell(cell)
        said = default.lower() if isinstance(default, str) else ""
        return next((cell for cell in (Cell.LSTM, Cell.GRU, Cell.RNN) if cell in said), None)

    def _accepted(self, spec: Spec, said: Cell) -> Cell | None:
        """Another cell than was said that its constructor accepts, if it takes the cell, but not that one."""
        constructor = self._instances.constructor
        if constructor is None or not constructor.of_any_cell or self._makes(spec, said):
            return None
        return next((cell for cell in (Cell.LSTM, Cell.GRU, Cell.RNN) if self._makes(spec, cell)), None)

    def _makes(self, spec: Spec, cell: Cell) -> bool:
        """Whether it can be constructed as this cell."""
        asked = of_cell(spec, cell)
        try:
            construct(self._instances.loaded, self._instances.constructor, asked, sizes.output_size(asked))
        except CannotRun:
            return False
        return True

    def _agrees(self, spec: Spec, cell: Cell) -> bool:
        """Whether it computes a published layer of this cell."""
        try:
            return self._understood.filling(of_cell(spec, cell)).agrees is not None
        except OtherLayer as problem:
            self._other = problem
        except CannotRun:
            pass
        return False


def of_cell(spec: Spec, cell: Cell) -> Spec:
    """The same layer with another cell."""
    if cell is spec.cell:
        return spec
    return replace(spec, cell=cell, proj_size=spec.proj_size if cell is Cell.LSTM else 0, nonlinearity=None)
